"""The examples in PyTorch."""
