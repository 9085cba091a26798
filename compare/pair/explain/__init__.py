"""Why two models differ: a table of explanations, each tried on PyTorch's own calls."""
