"""What the autoscaler's pod is to AWS: its token, the credentials that it buys, and what those may do."""
