"""What the rules share: how a rule is built, and how to read resources, IAM documents, tags and autoscalers."""
