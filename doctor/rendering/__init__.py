"""Ways to show a report: a table, plain lines, Markdown, JSON."""
