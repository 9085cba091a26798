"""The map of weights of a pair, found from what both models tell of themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from compare.pair.weights import linked
from compare.pair.weights.map import Choice, Entry, WeightMap, in_words
from compare.pair.weights.match_links import Link
from compare.pair.weights.parts import Leaf, Module

HELD = "no partner: held at 0"
KEPT = "no partner: stays as it is"


def find(
    torch_leaves: Sequence[Any],
    torch_modules: Sequence[Any],
    jax_leaves: Sequence[Any],
    jax_modules: Sequence[Any],
    *,
    rename: Mapping[str, str | None] | None = None,
    transform: Mapping[str, Any] | None = None,
) -> WeightMap:
    """Find the map, from names, layer types, order of definition and shapes.

    `rename` takes patterns of PyTorch paths, of leaves or layers, to JAX paths (None:
    it has no partner and stays as it is); `transform` functions that rearrange a leaf.
    Raises Unmapped, with all that has no partner or several, and Wrong for a
    rename or a transform that meets nothing.
    """
    torch, jax = _own(torch_leaves, torch_modules), _own(jax_leaves, jax_modules)
    found = linked.links(
        torch,
        jax,
        rename=rename or {},
        transform=transform or {},
    )
    links = _ordered(found.links, [leaf.path for leaf in torch[0]])
    entries = _entries(links)
    choices = tuple(
        Choice(entry.label, entry.torch, entry.jax, (link.option, *link.others))
        for entry, link in zip(entries, links, strict=True)
        if link.others
    )
    kept = tuple(
        Entry(leaf.path, "", leaf.path, KEPT, leaf.shape, (), kept=True, how=why)
        for leaf, why in found.kept_torch
    )
    shapes = [
        {leaf.path: leaf.shape for leaf in leaves if leaf.kind != "counter"}
        for leaves, _ in (torch, jax)
    ]
    return WeightMap(
        (*entries, *kept),
        torch_shapes=shapes[0],
        jax_shapes=shapes[1],
        notes=_notes(entries, found),
        open=choices,
        kept_torch=tuple(entry.torch for entry in kept),
        kept_jax=tuple(leaf.path for leaf, _ in found.kept_jax),
    )


def _own(leaves: Sequence[Any], modules: Sequence[Any]) -> linked.Side:
    """What a side tells, as plain data of ours."""
    names = [field.name for field in fields(Leaf)]
    return (
        [Leaf(*(getattr(leaf, name) for name in names)) for leaf in leaves],
        [Module(one.path, one.type, dict(one.settings)) for one in modules],
    )


def _ordered(links: Sequence[Link], paths: Sequence[str]) -> list[Link]:
    """As PyTorch defines its leaves, and the parts of one as they lie in it."""
    places = {path: i for i, path in enumerate(paths)}

    def place(link: Link) -> tuple[int, int]:
        part = link.torch.part
        return places[link.torch.leaf.path], part.start if part else 0

    return sorted(links, key=place)


def _entries(links: Sequence[Link]) -> list[Entry]:
    parts: dict[str, list[int]] = {}
    for link in links:
        start = link.torch.part.start if link.torch.part else 0
        parts.setdefault(link.torch.leaf.path, []).append(start)
    entries = []
    for link in links:
        path, part = link.torch.leaf.path, link.torch.part
        label = f"{path}[{sorted(parts[path]).index(part.start)}]" if part else path
        entry = Entry(
            path,
            link.jax.leaf.path if link.jax else "",
            label,
            "",
            link.torch.shape,
            link.jax.shape if link.jax else (),
            link.option.moves,
            part,
            link.jax.part if link.jax else None,
            link.folded,
            link.how,
        )
        entries.append(
            replace(entry, transform=in_words(entry.torch_part, _transform(link)))
        )
    return entries


def _transform(link: Link) -> str:
    if link.jax is None:
        return HELD
    place = f" into {link.jax.part}" if link.jax.part else ""
    words = "added to the first bias" if link.folded else link.option.words
    return words + place


def _notes(entries: Sequence[Entry], found: linked.Found) -> tuple[str, ...]:
    notes = [
        f"{path}: PyTorch trains two biases where JAX has one, their sum; the sum "
        "moves twice as far under SGD, and decay acts on each; b_hh starts at 0"
        for path in dict.fromkeys(entry.torch for entry in entries if entry.folded)
    ]
    notes += [
        f"{entry.torch} ({entry.torch_part}): JAX's cell has no hidden bias for n, "
        "inside the product with r; it is held at 0, and its gradient has no partner"
        for entry in entries
        if not entry.jax
    ]
    for side, kept in (("PyTorch", found.kept_torch), ("JAX", found.kept_jax)):
        notes += [f"{side} {leaf.path} stays as it is: {why}" for leaf, why in kept]
    return (*notes, *found.notes)
