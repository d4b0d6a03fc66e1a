"""Decisions and data without Pulumi resources or I/O: all that the doctor may import of the components."""
