"""Pairs of models as people port them: the JAX side of each."""
