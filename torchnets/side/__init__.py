"""A user's own PyTorch model: what a check of a pair needs of it."""
