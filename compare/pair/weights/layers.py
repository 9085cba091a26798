"""How each layer type lays its arrays out: the table of arrangements.

PyTorch's Linear is (out, in), Flax's (in, out); its convolutions are (out, in, *kernel)
and (*kernel, in, out). Libraries that keep PyTorch's layout (Equinox) call the leaf
`weight`, Flax calls it `kernel`. Where neither the name nor the shape settles which
way round an array lies, all options are given.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from compare.pair.weights.moves import Flipped, Moves, Reshaped, Shape, Transposed

KINDS = {
    "linear": "Linear NonDynamicallyQuantizableLinear Dense DenseGeneral LinearGeneral "
    "DenseParams Einsum",
    "conv": "Conv Conv1d Conv2d Conv3d",
    "deconv": "ConvTranspose ConvTranspose1d ConvTranspose2d ConvTranspose3d",
    "embedding": "Embedding EmbeddingBag Embed",
    "norm": "LayerNorm RMSNorm GroupNorm InstanceNorm InstanceNorm1d InstanceNorm2d "
    "InstanceNorm3d",
    "batchnorm": "BatchNorm BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm",
    "prelu": "PReLU",
}
KIND = {name: kind for kind, names in KINDS.items() for name in names.split()}
_SPACE = {1: "W", 2: "HW", 3: "DHW"}


@dataclass(frozen=True)
class Option:
    """One way to lay a PyTorch array out as JAX has it."""

    words: str
    moves: Moves


@dataclass(frozen=True)
class Place:
    """Where an array stands: its layer's kind and type, its role, name and shape."""

    kind: str
    type: str
    role: str
    name: str
    shape: Shape
    transposes: bool | None = None
    """Flax's `transpose_kernel`, where it is known."""


AS_IT_IS = Option("as it is", ())


def options(torch: Place, jax: Place) -> list[Option]:
    """All that fit, the likeliest first; one is enough to be sure, none is an error."""
    found: list[Option] = []
    for option in _candidates(torch, jax):
        if option not in found:
            found.append(option)
    if len(found) > 1 and _settled(torch, jax):
        return found[:1]
    return found


def _settled(torch: Place, jax: Place) -> bool:
    """Layers of both frameworks, or Flax's names, leave no choice."""
    if torch.role not in ("weight",) or len(torch.shape) < 2:
        return True
    if torch.kind == "deconv" and jax.transposes is None:
        return False
    known = torch.type in KIND
    flax = jax.name == "kernel" and (jax.type in KIND or not jax.type)
    return known and (flax or torch.kind in ("norm", "embedding"))


def _candidates(torch: Place, jax: Place) -> Iterator[Option]:
    if torch.role == "weight" and len(torch.shape) > 1:
        if torch.kind == "deconv":
            yield from _deconv(torch.shape, jax)
        elif torch.kind == "conv":
            yield from _ordered(_conv(torch.shape, jax.shape), torch, jax)
        elif torch.kind == "linear":
            yield from _ordered(_linear(torch.shape, jax.shape), torch, jax)
        else:
            yield from _plain(torch.shape, jax.shape)
    else:
        yield from _plain(torch.shape, jax.shape)


def _ordered(found: Iterator[Option], torch: Place, jax: Place) -> list[Option]:
    """As it is first where the name is PyTorch's; transformers' Conv1D is (in, out)."""
    kept = jax.name == "weight" and len(torch.shape) == len(jax.shape)
    if torch.type == "Conv1D":
        kept = not kept
    return sorted(found, key=lambda option: (option is AS_IT_IS) != kept)


def _linear(before: Shape, after: Shape) -> Iterator[Option]:
    turned = before[::-1]
    if turned == after:
        yield Option("transposed", (Transposed((1, 0)),))
    elif len(after) > 2 and _splits(turned, after):
        moves = (Transposed((1, 0)), Reshaped(turned, after))
        yield Option(f"transposed, as {after}", moves)
    elif len(before) > 2:
        yield from _plain(before, after)
    if before == after:
        yield AS_IT_IS


def _splits(shape: Shape, after: Shape) -> bool:
    """Whether some axes of `after` together are the first axis of a matrix."""
    cuts = range(1, len(after))
    return any((prod(after[:i]), prod(after[i:])) == shape for i in cuts)


def _conv(before: Shape, after: Shape) -> Iterator[Option]:
    space = _SPACE.get(len(before) - 2, "…")
    axes = (*range(2, len(before)), 1, 0)
    turned = tuple(before[axis] for axis in axes)
    words, moves = f"OI{space} → {space}IO", (Transposed(axes),)
    if turned == after:
        yield Option(words, moves)
    elif len(after) == 2 and (prod(turned[:-1]), turned[-1]) == after:
        yield Option(f"{words}, as {after}", (*moves, Reshaped(turned, after)))
    if before == after:
        yield AS_IT_IS


def _deconv(before: Shape, jax: Place) -> Iterator[Option]:
    """Flax strides fractionally and PyTorch takes a gradient: the kernel is flipped."""
    rank, count = len(before), len(before) - 2
    space, inner = _SPACE.get(count, "…"), tuple(range(2, rank))
    flip = Flipped(tuple(range(count)))
    straight, turned = (*inner, 0, 1), (*inner, 1, 0)
    if jax.transposes is not True and _fits(before, straight, jax.shape):
        words = f"IO{space} → {space}IO, flipped"
        yield Option(words, (Transposed(straight), flip))
    if jax.transposes is not False and _fits(before, turned, jax.shape):
        yield Option(f"IO{space} → {space}OI", (Transposed(turned),))
    if jax.name != "kernel":
        swapped = (1, 0, *inner)
        if _fits(before, swapped, jax.shape):
            flip = Flipped(inner)
            words = f"IO{space} → OI{space}, flipped"
            yield Option(words, (Transposed(swapped), flip))
        if before == jax.shape:
            yield AS_IT_IS


def _fits(before: Shape, axes: tuple[int, ...], after: Shape) -> bool:
    return tuple(before[axis] for axis in axes) == after


def _plain(before: Shape, after: Shape) -> Iterator[Option]:
    """Arrays without a layout of their own: as they are, reshaped, or turned."""
    if before == after:
        yield AS_IT_IS
    elif prod(before) == prod(after) and (
        len(before) <= 1 or _without_ones(before) == _without_ones(after)
    ):
        yield Option(f"as {after}", (Reshaped(before, after),))
    rank = len(before)
    if rank > 1:
        last_first = (*range(1, rank), 0)
        for axes in (
            tuple(range(rank))[::-1],
            last_first,
            (rank - 1, *range(rank - 1)),
        ):
            if _fits(before, axes, after):
                words = "transposed" if rank == 2 else f"axes {axes}"
                yield Option(words, (Transposed(axes),))
    if rank > 2:
        axes = (*range(2, rank), 1, 0)
        if _fits(before, axes, after):
            yield Option(f"axes {axes}", (Transposed(axes),))


def _without_ones(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)
