"""thexp's small building blocks."""
