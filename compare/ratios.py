"""Which modes are held against which, and what is known of it."""

import math
from collections.abc import Iterator, Mapping, Sequence

from compare import stats
from compare.account import Blocks
from compare.stats import Estimate, decide, noise_band, paired
from compare.timing import EAGER, Cell, Ratio, Sampled

LEFT_OUT = 0.9
"""A compiler that counts less than this of the operations has dropped some."""
Done = Mapping[Cell, Blocks]


def reference(cells: Sequence[Cell]) -> Cell:
    """What everything is held against: the notebook's loop, or the first there is."""
    wanted = [("torch", "notebook"), ("torch", "eager"), ("jax", "eager")]
    for framework, mode in wanted:
        for cell in cells:
            if (cell.framework, cell.mode) == (framework, mode):
                return cell
    return cells[0]


def pairs(cells: Sequence[Cell]) -> list[tuple[Cell, Cell]]:
    """Subjects and references: first noise, then all against the reference.

    Then what jit buys: compiled modes against eager ones of the same framework, and
    `scan` against `jit`.
    """
    plain = [cell for cell in cells if not cell.control]
    if not plain:
        return []  # every mode is lost
    base = reference(plain)
    found = [(cell, cell._replace(control=False)) for cell in cells if cell.control]
    found += [(cell, base) for cell in plain if cell != base]
    by_mode = {(cell.framework, cell.mode): cell for cell in plain}
    for cell in plain:
        others = () if cell.mode in EAGER[cell.framework] else EAGER[cell.framework]
        others = (*others, "jit") if cell.mode == "scan" else others
        found += [
            (cell, by_mode[cell.framework, mode])
            for mode in others
            if (cell.framework, mode) in by_mode
        ]
    return list(dict.fromkeys(found))


def fastest(done: Done) -> list[tuple[Cell, Cell]]:
    """JAX's fastest mode and PyTorch's, as far as both were timed."""
    best: dict[str, Cell] = {}
    for cell, blocks in done.items():
        if cell.control:
            continue
        other = best.get(cell.framework)
        if other is None or _seconds(blocks) < _seconds(done[other]):
            best[cell.framework] = cell
    return [(best["jax"], best["torch"])] if len(best) == 2 else []


def _seconds(blocks: Blocks) -> float:
    return stats.typical([one.samples["step"] for one in blocks.values()]).seconds


def estimate(done: Done, subject: Cell, other: Cell) -> Estimate | None:
    """Of the blocks in which both were timed; None where there are none."""
    common = sorted(done.get(subject, {}).keys() & done.get(other, {}).keys())
    if not common:
        return None
    return paired(
        *(
            [done[cell][at].samples["step"] for at in common]
            for cell in (subject, other)
        )
    )


def band_of(done: Done) -> float:
    """How far the controls differ from what they repeat, all of a run together."""
    again: list[list[float]] = []
    first: list[list[float]] = []
    for cell, blocks in done.items():
        own = done.get(cell._replace(control=False), {})
        for at in blocks.keys() & own.keys() if cell.control else ():
            again.append(blocks[at].samples["step"])
            first.append(own[at].samples["step"])
    return noise_band(paired(again, first) if again else None)


def ratios(done: Done, wanted: Sequence[tuple[Cell, Cell]]) -> Iterator[Ratio]:
    """The rows of the pairs of which both were timed in the same blocks."""
    band = band_of(done)
    for subject, other in wanted:
        found = estimate(done, subject, other)
        if found is None:
            continue
        low, high = found.interval() or (None, None)
        yield Ratio(
            subject.example,
            str(subject),
            str(other),
            found.ratio,
            low,
            high,
            found.blocks,
            decide(found, band=band),
            None if math.isinf(band) else band,
            subject.batch,
            _unlike(subject, done[subject], other, done[other]),
        )


def _unlike(left: Cell, mine: Blocks, right: Cell, theirs: Blocks) -> list[str]:
    """What is not the same on both sides; of one framework, beside the mode itself."""
    one, other = _first(mine), _first(theirs)
    found = [*_differing(one.conditions, other.conditions)]
    if left.framework != right.framework:
        found += [*_differing(one.idiom, other.idiom)]
        found += [*_dropped(left, one), *_dropped(right, other)]
    return found


def _first(blocks: Blocks) -> Sampled:
    return blocks[min(blocks)]


def _differing(mine: Mapping[str, str], theirs: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(mine.keys() | theirs.keys()):
        left, right = mine.get(name), theirs.get(name)
        if left is not None and right is not None and left != right:
            yield f"{name}: {left}, {right}"


def _dropped(cell: Cell, sampled: Sampled) -> list[str]:
    """What a compiler has found nobody to need."""
    told = sampled.operations
    written, compiled = told.get("written"), told.get("compiled")
    if not written or compiled is None or compiled >= LEFT_OUT * written:
        return []
    return [f"{cell} leaves out {1 - compiled / written:.0%} of the operations"]
