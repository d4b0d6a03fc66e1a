"""Stand-in for Pulumi's Python language host, ``pulumi-language-python``.

The Pulumi CLI starts one such program to run everything that is written in Python: programs, component plugins and
policy packs. The official one is not to be had from a package registry; this one speaks the same gRPC protocol
(``pulumirpc.LanguageRuntime``) for what a pip-made virtual environment needs, and refuses the rest by name:
other toolchains, type checkers, debuggers and project conversion. It installs the dependencies of plugins only.

The package imports nothing of the sandbox: it is shipped as one file next to the CLI.
"""
