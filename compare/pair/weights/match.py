"""Which layer is which: by the user's renames, by name, by type and order, by shape.

What several layers could be, with nothing to tell them apart, is nobody's: the error
lists the candidates.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from compare.pair.weights import names
from compare.pair.weights.match_links import Joiner, Link, Mismatch
from compare.pair.weights.match_units import Atom, Unit, join

Trait = Callable[[names.Tokens], object]

_REVERSED = "reverse"
_SHAPELESS = ("custom", "leaf")
"""Arrays of no known layer: their order says nothing."""


def _projection(tokens: names.Tokens) -> object:
    return tokens[-1] if tokens[-1:] and tokens[-1] in _PROJECTIONS else ""


def _nested(tokens: names.Tokens) -> object:
    """In how many numbered layers it is: its own number does not count."""
    inner = tokens[:-1] if tokens and isinstance(tokens[-1], str) else tokens[:-2]
    return sum(isinstance(token, int) for token in inner)


_PROJECTIONS = ("query", "key", "value", "qkv", "out")
_TRAITS: tuple[Trait, ...] = (_nested, _projection)
"""What else two layers have in common; dropped one by one, from the left."""


@dataclass
class Matching:
    """What is left on both sides, and what has been found."""

    torch: list[Unit]
    jax: list[Unit]
    joiner: Joiner
    trusted: bool
    """Whether JAX's order is one of definition, and not of a dict's sorted keys."""
    links: list[Link] = field(default_factory=list)
    tried: dict[str, str] = field(default_factory=dict)

    def run(self) -> None:
        """Match all layers, then what is left array by array."""
        self._stages()
        whole = [unit for unit in self.torch if self.candidates(unit)]
        fitting = [unit for unit in self.jax if self.rivals(unit)]
        self.torch = _pieces(self.torch, whole)
        self.jax = _pieces(self.jax, fitting)
        self._stages()

    def _stages(self) -> None:
        self._by_name()
        left = None
        while left != len(self.torch):
            left = len(self.torch)
            self._by_order()
            self._by_shape()

    def _take(self, torch: Unit, jax: Unit, how: str) -> bool:
        try:
            links = self.joiner.join(torch, jax)
        except Mismatch as error:
            for path in (torch.path, jax.path):
                self.tried.setdefault(path, f"{how}: {error}")
            return False
        self.links += [replace(link, how=how) for link in links]
        self.torch.remove(torch)
        self.jax.remove(jax)
        return True

    def fits(self, torch: Unit, jax: Unit) -> bool:
        """Whether their arrays can be laid out as each other."""
        try:
            self.joiner.join(torch, jax)
        except Mismatch:
            return False
        return True

    def _by_name(self) -> None:
        mine, others = self._tokens()
        for key, own in mine.items():
            partners = others.get(key, [])
            if key and len(own) == len(partners) == 1:
                how = "by rename" if own[0].alias else "by name"
                self._take(own[0], partners[0], how)

    def _tokens(self) -> tuple[dict[names.Tokens, list[Unit]], ...]:
        raw = [
            [names.tokens(unit.alias or unit.path) for unit in side]
            for side in (self.torch, self.jax)
        ]
        ranks = names.aligned(*raw)
        grouped: list[dict[names.Tokens, list[Unit]]] = []
        for side, own, rank in zip((self.torch, self.jax), raw, ranks, strict=True):
            keyed: dict[names.Tokens, list[Unit]] = {}
            for unit, tokens in zip(side, own, strict=True):
                keyed.setdefault(rank[tokens], []).append(unit)
            grouped.append(keyed)
        return tuple(grouped)

    def _by_order(self) -> None:
        """From the innermost common place to the whole model, the strictest first."""
        depth = max((len(names.tokens(unit.path)) for unit in self.torch), default=0)
        for loose in range(len(_TRAITS) + 1):
            for length in range(depth, -1, -1):
                mine, others = (
                    self._groups(side, length, _TRAITS[loose:])
                    for side in (self.torch, self.jax)
                )
                for key, own in mine.items():
                    if len(own) == len(others.get(key, [])):
                        self._pair(own, others[key])

    def _groups(
        self, side: list[Unit], length: int, traits: Sequence[Trait]
    ) -> dict[object, list[Unit]]:
        reverses = all(
            any(_REVERSED in names.tokens(unit.path) for unit in units)
            for units in (self.torch, self.jax)
        )
        groups: dict[object, list[Unit]] = {}
        for unit in side:
            if not unit.alias:
                tokens = names.tokens(unit.path)
                back = reverses and _REVERSED in tokens
                alike = tuple(trait(tokens) for trait in traits)
                key = (unit.kind, tokens[:length], back, alike)
                groups.setdefault(key, []).append(unit)
        return groups

    def _pair(self, torch: list[Unit], jax: list[Unit]) -> None:
        """As many on both sides: by words that only two share, then in order."""
        for mine, other in _alike(torch, jax):
            if self.fits(mine, other) and self._take(mine, other, "by type and words"):
                torch = [unit for unit in torch if unit is not mine]
                jax = [unit for unit in jax if unit is not other]
        if any(unit.kind in _SHAPELESS for unit in torch):
            return
        if self.trusted and all(map(self.fits, torch, jax)):
            self._all(torch, jax)
            return
        for mine, others in self._interchangeable(torch, jax):
            family = len({names.stem(unit.path) for unit in others}) == 1
            if family and not self.trusted:
                others = sorted(others, key=lambda unit: names.natural(unit.path))
            if self.trusted or family:
                self._all(mine, others)

    def _all(self, torch: Sequence[Unit], jax: Sequence[Unit]) -> None:
        for mine, other in zip(torch, jax, strict=True):
            self._take(mine, other, "by type and order")

    def _interchangeable(
        self, torch: Sequence[Unit], jax: Sequence[Unit]
    ) -> Iterator[tuple[list[Unit], list[Unit]]]:
        """Groups of equal size in which every layer fits every one, and no other."""
        fitting: dict[tuple[int, ...], list[Unit]] = {}
        for mine in torch:
            key = tuple(j for j, other in enumerate(jax) if self.fits(mine, other))
            fitting.setdefault(key, []).append(mine)
        taken = Counter(j for key in fitting for j in key)
        for key, mine in fitting.items():
            if len(key) == len(mine) and all(taken[j] == 1 for j in key):
                yield mine, [jax[j] for j in key]

    def _by_shape(self) -> None:
        """What fits one and only one, until nothing more does."""
        found = True
        while found:
            found = False
            for mine in list(self.torch):
                if mine.alias:
                    continue
                fitting = self.candidates(mine)
                if len(fitting) == 1 and self.rivals(fitting[0]) == [mine]:
                    found = self._take(mine, fitting[0], "by shape")

    def candidates(self, torch: Unit) -> list[Unit]:
        """JAX's layers without a partner that could be this one."""
        return [unit for unit in self.jax if self.fits(torch, unit)]

    def rivals(self, jax: Unit) -> list[Unit]:
        """PyTorch's layers without a partner that could be this one."""
        return [unit for unit in self.torch if self.fits(unit, jax)]


def _pieces(side: list[Unit], whole: list[Unit]) -> list[Unit]:
    """Array by array what fits nothing as a layer."""
    kept = {id(unit) for unit in whole}
    return [
        piece
        for unit in side
        for piece in ([unit] if id(unit) in kept else _apart(unit))
    ]


def _apart(unit: Unit) -> list[Unit]:
    """A layer's arrays, each by itself."""
    if "wi" in unit.atoms or "wi.i" in unit.atoms:
        return [unit]

    def one(role: str, atom: Atom) -> Unit:
        kind = unit.kind if role == "weight" and len(atom.shape) > 1 else "leaf"
        path, alias = join(unit.path, role), unit.alias and join(unit.alias, role)
        return replace(unit, path=path, alias=alias, kind=kind, atoms={role: atom})

    if len(unit.atoms) == 1 and unit.kind == "leaf":
        return [unit]
    return [one(role, atom) for role, atom in unit.atoms.items()]


def _alike(torch: Sequence[Unit], jax: Sequence[Unit]) -> list[tuple[Unit, Unit]]:
    """Pairs that share more words with each other than with anybody else."""
    shared = {
        (i, j): len(names.words(mine.path) & names.words(other.path))
        for i, mine in enumerate(torch)
        for j, other in enumerate(jax)
    }

    def best(scores: Iterable[tuple[int, int]]) -> int | None:
        ranked = sorted(scores, reverse=True)
        clear = ranked and ranked[0][0] > (ranked[1][0] if len(ranked) > 1 else 0)
        return ranked[0][1] if clear else None

    chosen: list[tuple[Unit, Unit]] = []
    for i, mine in enumerate(torch):
        j = best((shared[i, k], k) for k in range(len(jax)))
        if j is not None and best((shared[k, j], k) for k in range(len(torch))) == i:
            chosen.append((mine, jax[j]))
    return chosen


def alias(units: Iterable[Unit], rename: Mapping[str, str]) -> list[Unit]:
    """Layers under the names that the user has given them."""
    result = []
    for unit in units:
        new = (names.renamed(unit.path, old, to) for old, to in rename.items())
        result.append(replace(unit, alias=next((n for n in new if n), "")))
    return result
