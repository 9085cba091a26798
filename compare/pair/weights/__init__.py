"""The map of weights: found by names, types, order and shapes, shown and proved."""
