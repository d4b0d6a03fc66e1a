"""An embedded cloud for trying and testing the program: emulated AWS, real Kubernetes API, real Pulumi engine."""
