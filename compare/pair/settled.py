"""What shapes leave open in the map of weights, decided by what the models do."""

from dataclasses import replace

import numpy as np

from compare.pair import outputs, wrong
from compare.pair.both import Both, Point, State
from compare.pair.weights.probe import settle


def settled_map(both: Both, point: Point) -> tuple[Both, list[str]]:
    """The pair with its map settled, and a sentence for everything that was open."""
    if not both.map.open:
        return both, []
    with both.session("float64"):
        exact = point.cast("float64")
        seen = {m.framework: both.evaluate(m, exact).outputs for m in both.models()}
        names = outputs.paired(seen["torch"], seen["jax"])

        def torch_outputs(state: State) -> dict[str, np.ndarray]:
            return both.evaluate(both.torch, replace(exact, state=state)).outputs

        def jax_outputs(state: State) -> dict[str, np.ndarray]:
            arguments = both.arguments(both.jax, exact) | {"state": state}
            with wrong.of(both.jax.name, "a probe of its weights"):
                found = both.jax.runtime.evaluate(both.jax.subject, **arguments)
            named = {names[own]: value for own, value in found.outputs.items()}
            return both.layout.to_torch("outputs", named)

        settled, said = settle(both.map, exact.state, torch_outputs, jax_outputs)
    return replace(both, map=settled), said
