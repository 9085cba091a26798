"""The parameters in `compare/specs/layer_by_hand.py` are those that PyTorch draws."""

import numpy as np
import pytest
import torch
from torch import nn

from compare.specs import layer_by_hand

SEED = 20240305  # the notebook's


@pytest.fixture(scope="module")
def layers() -> dict[str, nn.Linear]:
    """Linear(3, 4), then Linear(4, 2), in float32."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        return {
            "HIDDEN": nn.Linear(3, 4, dtype=torch.float32),
            "OUTPUT": nn.Linear(4, 2, dtype=torch.float32),
        }


@pytest.mark.parametrize("layer", ["HIDDEN", "OUTPUT"])
@pytest.mark.parametrize("leaf", ["weight", "bias"])
def test_pytorch_draws_these_numbers(layers, layer, leaf):
    drawn = getattr(layers[layer], leaf).detach().numpy()
    written = getattr(layer_by_hand, f"{layer}_{leaf.upper()}")
    assert written.dtype == np.float64
    # Weights are written as `x @ weight`; a bias is its own transpose.
    np.testing.assert_array_equal(drawn.T.astype(np.float64), written)


def test_another_seed_draws_others(layers):
    with torch.random.fork_rng():
        torch.manual_seed(SEED + 1)
        other = nn.Linear(3, 4, dtype=torch.float32)
    assert not torch.equal(other.weight, layers["HIDDEN"].weight)
