"""Two layers side by side: which array is which, and how each is rearranged."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from compare.pair.weights.layers import AS_IT_IS, Option, Place, options
from compare.pair.weights.match_units import GATES, Atom, Unit
from compare.pair.weights.moves import given
from compare.pair.weights.names import ROLES
from compare.pair.wrong import Wrong


@dataclass(frozen=True)
class Link:
    """A PyTorch array (or a part of one) and its partner; no partner: held at 0."""

    torch: Atom
    jax: Atom | None
    option: Option
    folded: bool = False
    others: tuple[Option, ...] = ()
    how: str = ""


class Mismatch(ValueError):
    """Two layers that cannot be one: why not."""


@dataclass(frozen=True)
class Joiner:
    """Joins two layers; `transform` has the user's functions by PyTorch or JAX path."""

    transform: Mapping[str, Any]

    def join(self, torch: Unit, jax: Unit) -> list[Link]:
        """All links of two layers; raises Mismatch where they cannot be one."""
        if torch.kind in GATES and jax.kind in GATES:
            return list(self._cells(torch, jax))
        pairs = {role: role for role in torch.atoms}
        if len(torch.atoms) == len(jax.atoms) == 1:
            (mine,), (other,) = torch.atoms, jax.atoms
            if mine not in ROLES or other not in ROLES:
                pairs = {mine: other}
        if sorted(pairs.values()) != sorted(jax.atoms):
            raise Mismatch(
                f"{torch.path or 'the model'} has {_owned(torch)} and "
                f"{jax.path or 'the model'} has {_owned(jax)}"
            )
        return [
            self._link(
                torch.atoms[mine],
                jax.atoms[other],
                torch.place(mine),
                jax.place(other),
            )
            for mine, other in pairs.items()
        ]

    def _link(self, torch: Atom, jax: Atom, where: Place, to: Place) -> Link:
        for path in (torch.leaf.path, jax.leaf.path):
            if path in self.transform:
                return self._given(torch, jax, self.transform[path])
        found = options(where, to)
        if not found:
            raise Mismatch(
                f"{torch.leaf.path} {torch.shape} of {where.type or 'no known layer'} "
                f"cannot be laid out as {jax.leaf.path} {jax.shape}: tried as it is, "
                f"transposed, reshaped" + _moved(where)
            )
        return Link(torch, jax, found[0], others=tuple(found[1:]))

    def _given(self, torch: Atom, jax: Atom, function: Any) -> Link:
        path = torch.leaf.path
        if torch.part or jax.part:
            raise Wrong(
                f"transform for {path}: it is mapped in parts, which a function cannot "
                "be given for; use rename for whole leaves"
            )
        try:
            move = given(function, torch.shape)
        except ValueError as error:
            raise Wrong(f"transform for {path}: {error}") from error
        if move.after != jax.shape:
            raise Wrong(
                f"transform for {path}: it makes {move.after} of {torch.shape}, but "
                f"{jax.leaf.path} has shape {jax.shape}"
            )
        return Link(torch, jax, Option("by the function given", (move,)))

    def _cells(self, torch: Unit, jax: Unit) -> Iterator[Link]:
        """A recurrent cell: gates i, f, g, o or r, z, n in PyTorch's order.

        PyTorch has two biases where Flax has one, their sum; in a GRU's n the hidden
        bias is inside a product with r and cannot be added to the other.
        """
        if torch.kind != jax.kind:
            raise Mismatch(f"{torch.path} is a {torch.kind}, {jax.path} a {jax.kind}")
        used: set[str] = set()
        for role in ("wi", "wh"):
            for piece, own in _gates(torch, jax, role):
                used.add(own)
                yield self._link(
                    piece, jax.atoms[own], _weight(piece), _weight(jax.atoms[own])
                )
        if "bi" in torch.atoms:
            yield from self._biases(torch, jax, used)
        if unused := jax.atoms.keys() - used:
            leaves = sorted({jax.atoms[role].leaf.path for role in unused})
            raise Mismatch(f"{torch.path} has no bias for {', '.join(leaves)}")

    def _biases(self, torch: Unit, jax: Unit, used: set[str]) -> Iterator[Link]:
        gates, width = GATES[torch.kind] or ("",), torch.atoms["bi"].shape[0]
        size = width // len(gates)
        has = [role for role in ("bi", "bh") if role in jax.atoms]
        whole = torch.kind != "gru" and len(has) == 1 and not _single(jax)
        if whole:
            used.add(has[0])
            yield from _two(torch.atoms["bi"], torch.atoms["bh"], jax.atoms[has[0]])
            return
        if len(has) == 2:
            for role in has:
                used.add(role)
                yield self._link(
                    torch.atoms[role],
                    jax.atoms[role],
                    torch.place(role),
                    jax.place(role),
                )
            return
        if torch.kind == "gru" and has == ["bi"]:
            used.add("bi")
            first, second = torch.atoms["bi"], torch.atoms["bh"]
            yield Link(first, jax.atoms["bi"], AS_IT_IS)
            both = 2 * size
            yield Link(
                second.rows(0, both), jax.atoms["bi"].rows(0, both), AS_IT_IS, True
            )
            last = jax.atoms.get("bh.n")
            used.add("bh.n")
            yield Link(second.rows(both, width), last, AS_IT_IS)
            return
        for i, gate in enumerate(gates):
            rows = [
                torch.atoms[role].rows(i * size, (i + 1) * size)
                for role in ("bi", "bh")
            ]
            own = [jax.atoms.get(f"{role}.{gate}") for role in ("bi", "bh")]
            used |= {f"bi.{gate}", f"bh.{gate}"}
            yield from _gate(rows, own, torch, jax, gate)


def _gate(
    rows: list[Atom], own: list[Atom | None], torch: Unit, jax: Unit, gate: str
) -> Iterator[Link]:
    first, second = own
    if first is not None and second is not None:
        yield Link(rows[0], first, AS_IT_IS)
        yield Link(rows[1], second, AS_IT_IS)
    elif first is not None and torch.kind == "gru" and gate == "n":
        yield Link(rows[0], first, AS_IT_IS)
        yield Link(rows[1], None, AS_IT_IS)
    elif (one := first or second) is not None:
        yield from _two(rows[0], rows[1], one)
    else:
        raise Mismatch(f"{jax.path} has no bias for gate {gate} of {torch.path}")


def _two(first: Atom, second: Atom, jax: Atom) -> Iterator[Link]:
    yield Link(first, jax, AS_IT_IS)
    yield Link(second, jax, AS_IT_IS, folded=True)


def _single(jax: Unit) -> bool:
    return any("." in role and role.startswith("b") for role in jax.atoms)


def _gates(torch: Unit, jax: Unit, role: str) -> Iterator[tuple[Atom, str]]:
    """A weight as a whole, or rows of it for each gate that JAX has apart."""
    atom, gates = torch.atoms[role], GATES[torch.kind]
    if role in jax.atoms:
        yield atom, role
        return
    size = atom.shape[0] // max(len(gates), 1)
    for i, gate in enumerate(gates):
        if f"{role}.{gate}" not in jax.atoms:
            raise Mismatch(f"{jax.path} has no weight for gate {gate} of {torch.path}")
        yield atom.rows(i * size, (i + 1) * size), f"{role}.{gate}"


def _weight(atom: Atom) -> Place:
    name = atom.leaf.name
    flax = "kernel" in name
    return Place(
        "linear", "Linear", "weight", "kernel" if flax else "weight", atom.shape
    )


def _owned(unit: Unit) -> str:
    return (
        ", ".join(f"{atom.leaf.name} {atom.shape}" for atom in unit.atoms.values())
        or "nothing"
    )


def _moved(where: Place) -> str:
    extra = {"conv": ", OI… → …IO", "deconv": ", IO… → …IO flipped, IO… → …OI"}
    return extra.get(where.kind, "")
