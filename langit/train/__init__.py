"""One training loop that knows no model. What the loss is, is a task."""
