"""Where inputs and outputs have their axes in another order on the JAX side."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.pair.wrong import Wrong

Letters = tuple[str, str]
"""PyTorch's axes and JAX's, as in ("NCHW", "NHWC")."""


@dataclass(frozen=True)
class Layout:
    """The axes of inputs and outputs by name; "" stands for all that have as many."""

    letters: Mapping[str, Letters] = field(default_factory=dict)

    def axes(self, name: str, dimensions: int) -> tuple[int, ...] | None:
        """The axes that make JAX's order of PyTorch's; None: they are the same."""
        kind = name.partition(".")[0]
        for asked in (name, kind, ""):
            first, second = self.letters.get(asked, ("", ""))
            if first and (asked == name or len(first) == dimensions):
                return tuple(first.index(letter) for letter in second)
        return None

    def to_jax(self, kind: str, arrays: Mapping[str, np.ndarray]) -> dict:
        """Inputs or outputs in JAX's order."""
        return {n: self._turned(f"{kind}.{n}", a, False) for n, a in arrays.items()}

    def to_torch(self, kind: str, arrays: Mapping[str, np.ndarray]) -> dict:
        """Inputs or outputs in PyTorch's order."""
        return {n: self._turned(f"{kind}.{n}", a, True) for n, a in arrays.items()}

    def check(self, kind: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Raise `Wrong` for a name that no input or output has."""
        for name in self.letters:
            asked, _, own = name.partition(".")
            if asked == kind and own and own not in arrays:
                known = ", ".join(f"{kind}.{one}" for one in arrays)
                raise Wrong(f"layout: there is no {name!r}, but {known}")

    def _turned(self, name: str, array: np.ndarray, back: bool) -> np.ndarray:
        axes = self.axes(name, array.ndim)
        if axes is None:
            return array
        if len(axes) != array.ndim:
            raise Wrong(
                f"layout: {name} was said to have {len(axes)} axes, it has shape "
                f"{array.shape}"
            )
        return np.ascontiguousarray(array.transpose(np.argsort(axes) if back else axes))

    def fits(self, torch: tuple[int, ...], jax: tuple[int, ...]) -> tuple[int, ...]:
        """Axes that turn an array inside of the models, by its two shapes.

        Raises ValueError where no order that was named makes one of the other.
        """
        for axes in self._known(len(torch)):
            if tuple(torch[axis] for axis in axes) == jax:
                return axes
        raise ValueError(f"shape {torch} in PyTorch and {jax} in JAX")

    def _known(self, dimensions: int) -> list[tuple[int, ...]]:
        said = {
            tuple(first.index(letter) for letter in second)
            for first, second in self.letters.values()
            if len(first) == dimensions
        }
        # Where several fit, what was said comes first: a square image.
        found = [*sorted(said), tuple(range(dimensions))]
        if dimensions > 2:
            found += [(0, *range(2, dimensions), 1), (1, 0, *range(2, dimensions))]
        return list(dict.fromkeys(found))


def parse(layout: Any) -> Layout:
    """What the user said; raises `Wrong`."""
    if layout is None:
        return Layout()
    said = dict(layout) if isinstance(layout, Mapping) else {"": layout}
    for name, letters in said.items():
        good = (
            isinstance(letters, (tuple, list))
            and len(letters) == 2
            and all(isinstance(one, str) for one in letters)
            and sorted(letters[0]) == sorted(letters[1])
            and len(set(letters[0])) == len(letters[0])
        )
        if not good:
            raise Wrong(
                'layout: expected PyTorch\'s axes and JAX\'s, as in ("NCHW", "NHWC"), '
                f"got {letters!r} for {name or 'all arrays'}"
            )
        if name and name.partition(".")[0] not in ("inputs", "outputs"):
            raise Wrong(
                'layout: expected names such as "inputs", "inputs.0" or '
                f'"outputs.logits", got {name!r}'
            )
    return Layout({name: (one[0], one[1]) for name, one in said.items()})
