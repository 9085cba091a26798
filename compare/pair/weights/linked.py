"""The search for the map: units of both sides, the user's wishes, the matching."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from compare.pair.weights import match, names
from compare.pair.weights.match_links import Joiner, Link, Mismatch
from compare.pair.weights.match_problems import problems
from compare.pair.weights.match_units import (
    GATES,
    Unit,
    absorb_cells,
    fused,
    split,
    units,
)
from compare.pair.weights.parts import Leaf, Module
from compare.pair.wrong import Wrong

Side = tuple[Sequence[Leaf], Sequence[Module]]
Kept = tuple[Leaf, str]

_NO_OVERLAP = "no overlap of parameters: not one array has a partner"


class Unmapped(Wrong):
    """Weights that have no partner, or several candidates: `problems` lists them."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(
            f"the weights of the two models cannot be mapped:\n{lines}\n"
            "Say which belong together: rename={'torch.path': 'jax/path'} (* stands "
            "for any part; None for a leaf without a partner), and for an arrangement "
            "that was not tried transform={'torch.path': function}"
        )


@dataclass(frozen=True)
class Found:
    """All links, and the constants of either side that have no partner, with why."""

    links: list[Link]
    kept_torch: list[Kept]
    kept_jax: list[Kept]
    notes: list[str]


def links(
    torch: Side,
    jax: Side,
    *,
    rename: Mapping[str, str | None],
    transform: Mapping[str, Any],
) -> Found:
    """Link every leaf; raises Unmapped, and Wrong for wishes that meet nothing."""
    mine = [leaf for leaf in torch[0] if leaf.kind != "counter"]
    others = [leaf for leaf in jax[0] if leaf.kind != "counter"]
    if bool(mine) != bool(others):
        full, bare = ("PyTorch", "JAX") if mine else ("JAX", "PyTorch")
        raise Unmapped(
            [
                f"{full} has {len(mine or others)} arrays and {bare} has none: "
                "no overlap of parameters"
            ]
        )
    joiner = Joiner(_functions(transform, mine, others))
    mine, left_mine, mine_all = _left_out(mine, rename)
    others, left_others, others_all = _left_out(others, rename)
    wishes = {old: new for old, new in rename.items() if new is not None}
    for old in rename.keys() - wishes.keys() - left_mine - left_others:
        raise Wrong(f"rename: {old!r} meets no leaf of either side")
    forced, mine, others = _forced(mine, others, wishes, joiner)
    matching = _matching((mine, torch[1]), (others, jax[1]), wishes, joiner)
    notes = _fused_note(matching)
    matching.run()
    kept_mine, kept_others = _constants(matching.torch), _constants(matching.jax)
    matching.torch = [u for u in matching.torch if not _constant(u)]
    matching.jax = [u for u in matching.jax if not _constant(u)]
    if found := problems(matching):
        some = forced or matching.links or any(map(matching.candidates, matching.torch))
        raise Unmapped(found if some else [_NO_OVERLAP, *found])
    return Found(
        forced + matching.links,
        [*mine_all, *kept_mine],
        [*others_all, *kept_others],
        notes,
    )


def _functions(transform: Mapping[str, Any], *sides: Iterable[Leaf]) -> dict[str, Any]:
    """The user's functions by leaf; raises ValueError for one that meets no leaf."""
    paths = [leaf.path for side in sides for leaf in side]
    functions: dict[str, Any] = {}
    for pattern, function in transform.items():
        met = [
            path
            for path in paths
            if path == pattern or names.renamed(path, pattern, "") == ""
        ]
        if not met:
            raise Wrong(f"transform: {pattern!r} meets no leaf{_near(pattern, paths)}")
        functions |= dict.fromkeys(met, function)
    return functions


def _near(name: str, paths: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, paths, 3)
    return f"; close to it: {', '.join(near)}" if near else ""


def _left_out(
    leaves: list[Leaf], rename: Mapping[str, str | None]
) -> tuple[list[Leaf], set[str], list[Kept]]:
    """Leaves that the user says have no partner, and the patterns that met any."""
    rest, used, kept = [], set(), []
    for leaf in leaves:
        dotted = leaf.path.replace("/", ".")
        met = [
            old
            for old, new in rename.items()
            if new is None
            and names.renamed(dotted, old.replace("/", "."), "") is not None
        ]
        used |= set(met)
        if met:
            kept.append((leaf, "rename says that it has no partner"))
        else:
            rest.append(leaf)
    return rest, used, kept


def _forced(
    mine: list[Leaf], others: list[Leaf], rename: Mapping[str, str], joiner: Joiner
) -> tuple[list[Link], list[Leaf], list[Leaf]]:
    """Whole leaves that the user has given the path of a whole leaf."""
    by_path = {leaf.path: leaf for leaf in others}
    found: list[Link] = []
    for old, to in rename.items():
        if old.count("*") < to.count("*"):
            raise Wrong(f"rename: {to!r} has more * than {old!r}")
        new = {leaf.path: names.renamed(leaf.path, old, to) for leaf in mine}
        if not any(name is not None for name in new.values()):
            paths = [leaf.path for leaf in mine]
            raise Wrong(
                f"rename: {old!r} meets no leaf or layer of PyTorch{_near(old, paths)}"
            )
        for leaf in list(mine):
            partner = by_path.get(new[leaf.path] or "")
            if partner is None or partner not in others:
                continue
            pair = [units([one], [])[0] for one in (leaf, partner)]
            found += _one(joiner, *pair)
            mine.remove(leaf)
            others.remove(partner)
    return found, mine, others


def _one(joiner: Joiner, torch: Unit, jax: Unit) -> list[Link]:
    """A pair that the user wants; raises Unmapped where it cannot be."""
    (mine,), (other,) = torch.atoms, jax.atoms
    atoms = {mine: jax.atoms[other]}
    try:
        found = joiner.join(torch, replace(jax, atoms=atoms))
    except Mismatch as error:
        raise Unmapped([f"rename: {error}"]) from error
    return [replace(link, how="by rename") for link in found]


def _matching(
    torch: Side, jax: Side, rename: Mapping[str, str], joiner: Joiner
) -> match.Matching:
    mine, others = units(*torch), units(*jax)
    if any(unit.kind in GATES for unit in mine):
        others = absorb_cells(others)
    fusions = [any(fused(unit) for unit in side) for side in (mine, others)]
    if fusions == [True, False]:
        mine = _split_all(mine)
    if fusions == [False, True]:
        others = _split_all(others)
    return match.Matching(match.alias(mine, rename), others, joiner, bool(jax[1]))


def _split_all(side: list[Unit]) -> list[Unit]:
    return [
        piece for unit in side for piece in (split(unit) if fused(unit) else [unit])
    ]


def _fused_note(matching: match.Matching) -> list[str]:
    own = {
        atom.leaf.path
        for side in (matching.torch, matching.jax)
        for unit in side
        for atom in unit.atoms.values()
        if unit.kind == "linear"
        and atom.part is not None
        and atom.leaf.layer_type != "MultiheadAttention"
    }
    return [
        f"{path}: taken as query, key and value one after the other, each a third"
        for path in sorted(own)
    ]


def _constant(unit: Unit) -> bool:
    """Buffers that no layer we know trains or averages: masks, tables, positions."""
    return all(
        atom.leaf.kind == "buffer"
        and names.role(atom.leaf.name) not in ("mean", "variance")
        for atom in unit.atoms.values()
    )


def _constants(side: list[Unit]) -> list[Kept]:
    why = "a constant buffer without a partner"
    return [
        (atom.leaf, why)
        for unit in side
        if _constant(unit)
        for atom in unit.atoms.values()
    ]
