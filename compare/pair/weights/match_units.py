"""The arrays of a model, layer by layer, so that layers can be matched with layers.

A unit is a layer with what it owns, by role. PyTorch's recurrent layers become one cell
for each layer and direction; its attention becomes the Linears that it is made of.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from compare.pair.weights import names
from compare.pair.weights.layers import KIND, Place
from compare.pair.weights.moves import Part, Shape
from compare.pair.weights.parts import Leaf, Module


@dataclass(frozen=True)
class Atom:
    """A leaf or a part of one."""

    leaf: Leaf
    part: Part | None = None

    @property
    def shape(self) -> Shape:
        shape = self.leaf.shape
        return self.part.shape(shape) if self.part else shape

    def rows(self, start: int, stop: int, axis: int = 0) -> "Atom":
        """A piece of it; pieces of pieces are along the same axis."""
        offset = self.part.start if self.part else 0
        return Atom(self.leaf, Part(axis, offset + start, offset + stop))


@dataclass(frozen=True)
class Unit:
    """A layer: its path, the kind of layer, its arrays by role."""

    path: str
    kind: str
    atoms: dict[str, Atom]
    type: str = ""
    order: int = 0
    settings: Mapping[str, object] = field(default_factory=dict)
    alias: str = ""
    """A path that the user has given it, in the other side's words."""

    def place(self, role: str) -> Place:
        """What the table of arrangements wants to know of one of its arrays."""
        atom, transposes = self.atoms[role], self.settings.get("transpose_kernel")
        return Place(
            self.kind,
            self.type,
            role.split(".")[0],
            atom.leaf.name,
            atom.shape,
            transposes if isinstance(transposes, bool) else None,
        )


_GATES = {"lstm": "ifgo", "gru": "rzn", "rnn": " "}
GATES = {kind: tuple(gates.strip()) for kind, gates in _GATES.items()}
_BY_COUNT = {4: "lstm", 3: "gru", 1: "rnn"}
_CELL_LEAF = re.compile(
    r"(weight|kernel|w|bias|b)_(ih|hh|i|h)(?:_l(\d+)(_reverse)?)?", re.IGNORECASE
)
_FUSED_LAST = 3
_LOOSE = re.compile(r"(w|b|weight|kernel|bias)_?(\d+)", re.IGNORECASE)


def units(leaves: Iterable[Leaf], modules: Sequence[Module]) -> list[Unit]:
    """All layers that own arrays, in order of definition; counters have no partner."""
    places = {module.path: i for i, module in enumerate(modules)}
    types = {module.path: module.type for module in modules}
    settings = {module.path: module.settings for module in modules}
    groups: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        if leaf.kind != "counter":
            groups.setdefault(_layer(leaf), []).append(leaf)
    found: list[Unit] = []
    for path, own in groups.items():
        kind = types.get(path, own[0].layer_type)
        for unit in _layers(path, kind, own):
            settled = settings.get(path, {})
            order = places.get(path, len(places))
            found.append(replace(unit, settings=settled, order=order))
    found.sort(key=lambda unit: unit.order)
    return [replace(unit, order=i) for i, unit in enumerate(found)]


def _layer(leaf: Leaf) -> str:
    return leaf.layer if leaf.layer_type else parent(leaf.path)


def parent(path: str) -> str:
    """The path one level up."""
    return path[: max(path.rfind("."), path.rfind("/"), 0)]


def join(path: str, name: str) -> str:
    """A name below a path, in the separator that the path has."""
    separator = "/" if "/" in path else "."
    return f"{path}{separator}{name}" if path else name


def _layers(path: str, type_name: str, leaves: list[Leaf]) -> list[Unit]:
    own = {leaf.name: leaf for leaf in leaves}
    if any(re.match(r"in_proj_weight|q_proj_weight", name) for name in own):
        return _attention(path, own)
    cells = _cells(path, type_name, own)
    if cells:
        return cells
    return [
        _unit(where, type_name, atoms)
        for where, atoms in _families(path, type_name, own).items()
    ]


def _families(
    path: str, type_name: str, leaves: Mapping[str, Leaf]
) -> dict[str, dict[str, Atom]]:
    """Arrays by role; `w1`, `b1`, `w2`, `b2` are two layers."""
    families: dict[str, dict[str, Atom]] = {}
    pair = sorted(leaves, key=names.natural)
    sized = [len(leaves[name].shape) for name in pair]
    listed = pair == ["0", "1"] and sized[0] > 1 and sized[1] == 1
    for name, leaf in leaves.items():
        where, role = path, names.role(name)
        if listed:
            role = ("weight", "bias")[int(name)]
        elif type_name not in KIND and (numbered := _LOOSE.fullmatch(name)):
            where, role = join(path, numbered[2]), names.role(numbered[1])
        atoms = families.setdefault(where, {})
        atoms[name if role in atoms else role] = Atom(leaf)
    return families


def _unit(path: str, type_name: str, atoms: dict[str, Atom]) -> Unit:
    return Unit(path, KIND.get(type_name) or _kind(path, atoms), atoms, type_name)


def _kind(path: str, atoms: Mapping[str, Atom]) -> str:
    """The kind of a layer whose type says nothing."""
    weight = atoms.get("weight")
    if weight is None:
        return "custom"
    if weight.leaf.name == "embedding" or "embedding" in names.tokens(path)[-1:]:
        return "embedding"
    if len(weight.shape) < 2:
        return "batchnorm" if "mean" in atoms else "norm"
    projection = names.tokens(path)[-1:] in [("query",), ("key",), ("value",), ("out",)]
    return "linear" if len(weight.shape) == 2 or projection else "conv"


def _cells(path: str, type_name: str, leaves: Mapping[str, Leaf]) -> list[Unit]:
    """Recurrent cells by their arrays' names, one for each layer and direction."""
    if not all(_CELL_LEAF.fullmatch(name) or name in _SINGLE for name in leaves):
        return []
    cells: dict[tuple[str, str], dict[str, Atom]] = {}
    for name, leaf in leaves.items():
        met = _CELL_LEAF.fullmatch(name)
        role, key = _SINGLE.get(name, ""), ("", "")
        if met:
            role = ("b" if met[1][0].lower() == "b" else "w") + met[2][0].lower()
            key = (met[3] or "", met[4] or "")
        cells.setdefault(key, {})[role] = Atom(leaf)
    several = len({layer for layer, _ in cells}) > 1
    found = []
    for (layer, reverse), atoms in cells.items():
        if not {"wi", "wh"} <= atoms.keys():
            return []
        where = join(path, layer) if several else path
        where = join(where, "reverse") if reverse else where
        found.append(Unit(where, _cell_kind(type_name, atoms["wh"]), atoms, type_name))
    return found


_SINGLE = {"bias": "bi", "bias_n": "bh.n", "b": "bi"}


def _cell_kind(type_name: str, hidden: Atom) -> str:
    for kind in GATES:
        if kind in type_name.lower():
            return kind
    small, large = min(hidden.shape), max(hidden.shape)
    return _BY_COUNT.get(large // small, "rnn")


def absorb_cells(found: list[Unit]) -> list[Unit]:
    """Flax's cells: their Linears become one unit, in the place of the first."""
    by_parent: dict[str, dict[str, Unit]] = {}
    for unit in found:
        name = re.split(r"[./]", unit.path)[-1].strip("_")
        by_parent.setdefault(parent(unit.path), {})[name] = unit
    result = list(found)
    for path, children in by_parent.items():
        cell = _flax_cell(path, children)
        if cell is not None:
            gone = [id(children[name]) for name in children]
            at = next(i for i, unit in enumerate(result) if id(unit) in gone)
            result[at : at + 1] = [cell]
            result = [unit for unit in result if id(unit) not in gone]
    return [replace(unit, order=i) for i, unit in enumerate(result)]


def _flax_cell(path: str, children: Mapping[str, Unit]) -> Unit | None:
    order = next(iter(children.values())).order
    shapes = {"dense_i": ("wi", "bi"), "dense_h": ("wh", "bh")}
    if set(children) == {"i", "h"}:
        shapes = {"i": ("wi", "bi"), "h": ("wh", "bh")}
    if set(children) == set(shapes):
        kind = _cell_kind(
            "", children[next(n for n in shapes if n[-1] == "h")].atoms["weight"]
        )
        return Unit(path, kind, _roles(children, shapes), kind, order)
    for kind, gates in GATES.items():
        shapes = {
            f"{side}{gate}": (f"w{side}.{gate}", f"b{side}.{gate}")
            for side in "ih"
            for gate in gates
        }
        if gates and set(children) == set(shapes):
            return Unit(path, kind, _roles(children, shapes), kind, order)
    return None


def _roles(
    children: Mapping[str, Unit], shapes: Mapping[str, tuple[str, str]]
) -> dict[str, Atom]:
    return {
        role: children[name].atoms[own]
        for name, roles in shapes.items()
        for own, role in zip(("weight", "bias"), roles, strict=True)
        if own in children[name].atoms
    }


def _attention(path: str, leaves: Mapping[str, Leaf]) -> list[Unit]:
    """torch.nn.MultiheadAttention as Linears; its `out_proj` is one of its own."""
    found: list[Unit] = []
    fused = {"in_proj_weight": "weight", "in_proj_bias": "bias"}
    atoms = {role: Atom(leaves[name]) for name, role in fused.items() if name in leaves}
    if "weight" in atoms:
        found.append(Unit(join(path, "qkv"), "linear", atoms, "Linear"))
    else:
        for i, name in enumerate("qkv"):
            own = {"weight": Atom(leaves[f"{name}_proj_weight"])}
            if "bias" in atoms:
                third = atoms["bias"].shape[0] // _FUSED_LAST
                own["bias"] = atoms["bias"].rows(i * third, (i + 1) * third)
            found.append(Unit(join(path, name), "linear", own, "Linear"))
    used = {atom.leaf.name for unit in found for atom in unit.atoms.values()}
    rest = {name: Atom(leaf) for name, leaf in leaves.items() if name not in used}
    if rest:
        found.append(Unit(path, "custom", rest, "MultiheadAttention"))
    return found


def fused(unit: Unit) -> bool:
    """Whether it is a Linear for query, key and value together."""
    return unit.kind == "linear" and names.tokens(unit.path)[-1:] == ("qkv",)


def split(unit: Unit) -> list[Unit]:
    """Three Linears of a fused one, or itself where it does not divide into thirds."""
    pieces: list[dict[str, Atom]] = [{}, {}, {}]
    for role, atom in unit.atoms.items():
        shape = atom.shape
        axis = _third(role, atom)
        if shape[axis] % _FUSED_LAST:
            return [unit]
        third = shape[axis] // _FUSED_LAST
        for i, piece in enumerate(pieces):
            piece[role] = atom.rows(i * third, (i + 1) * third, axis)
    return [
        replace(unit, path=join(parent(unit.path), name), atoms=piece)
        for name, piece in zip(("query", "key", "value"), pieces, strict=True)
    ]


def _third(role: str, atom: Atom) -> int:
    """The axis of q, k, v: outputs are PyTorch's first axis and Flax's last."""
    shape = atom.shape
    if role == "bias":
        return 0
    if len(shape) > 2:
        return 1
    first, last = shape[:1], shape[1:]
    wide = last == tuple(_FUSED_LAST * size for size in first)
    return 1 if atom.leaf.name == "kernel" or wide else 0
