"""The smallest layer that differs on its own, with all that it takes to show it."""

from collections.abc import Sequence
from typing import Any

from compare.pair.blame import Blamed
from compare.pair.report import Failing
from compare.pair.teacher import Lesson


def failing(lesson: Lesson, blamed: Sequence[Blamed]) -> Failing | None:
    """Of the first place; the layer around it where it is something in between."""
    places = [one for one in blamed if one.spot is not None]
    if not places:
        return None
    path = places[0].layer
    one = next((a for a in lesson.aligned if a.torch.path == path), None)
    if one is None:
        return None
    both, state = lesson.both, lesson.point.state
    jax_state = both.state(both.jax, state, lesson.point.precision)
    return Failing(
        torch=_at(both.torch.given, path, "."),
        jax=_at(both.jax.given, one.jax.path, "/"),
        torch_path=path,
        jax_path=one.jax.path,
        inputs=one.torch.inputs,
        jax_inputs=tuple(_turned(one, one.torch.inputs, one.jax.inputs)),
        torch_outputs=one.torch.outputs,
        jax_outputs=tuple(
            lesson.jax[one.key, "output", number] for number in range(len(one.outputs))
        ),
        weights_torch=_inside(state, path, "."),
        weights_jax=_inside(jax_state, one.jax.path, "/"),
    )


def _turned(one: Any, torch: Sequence[Any], jax: Sequence[Any]) -> list[Any]:
    """PyTorch's inputs as JAX lays them out; JAX's own where it has no partner."""
    made = list(jax)
    for first, second, axes in one.inputs:
        made[second] = torch[first].transpose(axes)
    return made


def _inside(state: Any, path: str, joint: str) -> dict[str, Any]:
    inner = path + joint if path else ""
    return {n.removeprefix(inner): v for n, v in state.items() if n.startswith(inner)}


def _at(model: Any, path: str, joint: str) -> Any:
    """The user's own submodule; None where the model has no such objects."""
    for part in path.split(joint) if path else ():
        try:
            model = model[int(part)] if part.isdigit() else getattr(model, part)
        except (AttributeError, IndexError, KeyError, TypeError):
            return None
    return model
