"""The IAM policy of who runs `pulumi preview` and `pulumi up`, by what a stack uses."""
