"""What the tests of pairs share: the map of two models, and both models' outputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare import noise
from compare.pair.weights.find import find
from compare.pair.weights.map import WeightMap
from compare.pair.weights.proof import prove
from jaxnets.side import runtime as jax_side
from torchnets.side import runtime as torch_side

State = dict[str, np.ndarray]


@dataclass(frozen=True)
class Couple:
    """Copies of two models and the map between them."""

    torch: Any
    jax: Any
    map: WeightMap

    def outputs(self, side: str, state: State, inputs: tuple[np.ndarray, ...]) -> State:
        """Outputs in float64 and eval mode."""
        runtime, subject = (
            (torch_side, self.torch) if side == "torch" else (jax_side, self.jax)
        )
        named = {str(i): value for i, value in enumerate(inputs)}
        pull = runtime.Pull(None, (), None, None)
        with runtime.session("float64"):
            found = runtime.evaluate(subject, state, named, train=False, pull=pull)
        return found.outputs


def couple(torch_model: Any, jax_model: Any, **wishes: Any) -> Couple:
    """Open both models and find their map."""
    torch, jax = torch_side.open_model(torch_model), jax_side.open_model(jax_model)
    found = find(
        torch_side.leaves(torch),
        torch_side.modules(torch),
        jax_side.leaves(jax),
        jax_side.modules(jax),
        **wishes,
    )
    return Couple(torch, jax, found)


def drawn(shapes: Mapping[str, tuple[int, ...]], *, seed: int = 3) -> State:
    """Positive numbers, as variances have to be, all different."""
    rng = np.random.default_rng(seed)
    return {path: rng.uniform(0.2, 0.9, shape) for path, shape in shapes.items()}


def same_outputs(pair: Couple, inputs: tuple[np.ndarray, ...]) -> None:
    """Proved, and the same outputs in float64, weights copied either way.

    As everywhere: at most 32 floors apart, of what one ulp of all numbers changes.
    """
    state = pair.map.to_torch(pair.map.to_jax(drawn(pair.map.torch_shapes)))
    assert prove(pair.map, state) == []
    _alike(pair, state, pair.map.to_jax(state), inputs)
    own = drawn(pair.map.jax_shapes, seed=8)
    _alike(pair, pair.map.to_torch(own), own, inputs)


def _alike(
    pair: Couple, torch: State, jax: State, inputs: tuple[np.ndarray, ...]
) -> None:
    wanted = pair.outputs("torch", torch, inputs)
    got = pair.outputs("jax", jax, inputs)
    moved = [
        pair.outputs("torch", noise.perturb(torch, rng, precision="float64"), inputs)
        for rng in np.random.default_rng(0).spawn(4)
    ]
    assert wanted.keys() == got.keys()
    for name, value in wanted.items():
        sensitivity = [noise.largest_distance(copy[name], value) for copy in moved]
        floor = noise.float64_floor(
            [value, got[name]],
            [None, None],
            sensitivity=np.asarray(np.max(sensitivity)),
        )
        assert noise.largest_distance(got[name], value) <= noise.LIMIT * floor
