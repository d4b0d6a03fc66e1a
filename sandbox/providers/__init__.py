"""Stand-ins, on the engine's real protocol, for the provider plugins that package registries do not serve."""
