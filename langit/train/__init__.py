"""One loop that knows no model; what a loss is, is a task."""
