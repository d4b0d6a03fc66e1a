"""A stand-in for the official `aws` provider: the resource types that the program uses, over boto3."""
