"""Answers to the two questions that users ask most: why a node is not removed, and why no node is added for a pod."""
