"""Pairs of models as people port them: the PyTorch side of each."""
