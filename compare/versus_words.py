"""What two runs side by side amount to, in plain sentences; cells of their tables."""

import math
from collections.abc import Iterator, Sequence

from compare.answer import describe
from compare.show_times import micro
from compare.timing import Typical
from compare.versus import Compared, Pair, Versus
from compare.versus_times import NOT_TIMED, Timed, Untimed

SPEEDS = ("SLOWER", "FASTER", "UNDECIDED", "SAME")
"""In the order of importance; what is the same is counted, not listed."""
ABSENT = "–"


def verdicts(found: Versus) -> str:
    """How many examples are worse, better, otherwise different, or as they were."""
    if not found.examples:
        told = ["no example is in both runs"]
    else:
        lost = sum(one.is_worse for one in found.examples)
        gained = sum(one.is_better for one in found.examples)
        other = len(changed(found)) - lost - gained
        same = len(found.examples) - lost - gained - other
        counts = {
            "worse": lost,
            "better": gained,
            "otherwise different": other,
            "as before": same,
        }
        parts = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        told = [f"{_many(len(found.examples), 'example')} in both runs: {parts}"]
    told += [f"{len(found.gone)} gone"] if found.gone else []
    if found.added:
        fails = sum(name in found.worse for name in found.added)
        told.append(
            f"{len(found.added)} new" + (f" ({fails} failing)" if fails else "")
        )
    return "; ".join(told)


def times(found: Versus) -> str:
    """How many cells take longer, less, as long; which of the runs has none."""
    if found.times:
        verdict = [one.verdict for one in found.times]
        counts = ", ".join(
            f"{verdict.count(speed)} {speed}" for speed in SPEEDS if speed in verdict
        )
        return f"{_many(len(found.times), 'time')} in both runs: {counts}"
    if not found.untimed:
        return "neither run has times"
    then = sum(not one.then for one in found.untimed)
    now = len(found.untimed) - then
    return f"no time is in both runs: {then} then, {now} now"


def elsewhere(found: Versus) -> str:
    """A warning, where times are of different machines; else nothing."""
    if not found.times or not found.elsewhere:
        return ""
    names = ", ".join(found.elsewhere)
    return (
        f"The times are of different machines, or of different parts of one ({names}): "
        "their ratios say nothing of the code"
    )


def changed(found: Versus) -> list[Compared]:
    """Examples of which something that is told differs; the worse ones first."""
    listed = [
        one
        for one in found.examples
        if one.phases or any(_told(then) != _told(now) for then, now in _pairs(one))
    ]
    return sorted(listed, key=lambda one: (not one.is_worse, not one.is_better))


def cells(one: Compared) -> list[str]:
    """Verdict, checks, score and float32 of an example, each then → now."""
    return [arrow(_told(then), _told(now)) for then, now in _pairs(one)]


def phases(one: Compared) -> str:
    """Which phases have another verdict; empty where none has."""
    return ", ".join(
        f"{phase} {arrow(both.then or ABSENT, both.now or ABSENT)}"
        for phase, both in one.phases.items()
    )


def failure(one: Compared) -> str:
    """The first failing row now, in a sentence; empty where none fails."""
    return describe(one.failure) if one.failure else ""


def setting(both: Pair[str | None]) -> tuple[str, str]:
    """Then and now of one setting of the environment."""
    return both.then or ABSENT, both.now or ABSENT


def listed(found: Versus) -> list[Timed]:
    """Times that are not the same: by verdict, the largest changes first."""
    return sorted(
        (one for one in found.times if one.verdict != "SAME"),
        key=lambda one: (SPEEDS.index(one.verdict), -abs(math.log(one.ratio))),
    )


def step(typical: Typical) -> str:
    """Microseconds, and how far the 95 % interval reaches."""
    told = micro(typical.seconds)
    if typical.low is None or typical.high is None:
        return told
    reach = math.sqrt(typical.high / typical.low) - 1
    return f"{told} ± {reach:.0%}" if reach >= 0.02 else f"{told} ± {reach:.1%}"


def ratio(one: Timed) -> str:
    """Now / then, with the 95 % interval where there is one."""
    told = _times(one.ratio)
    if one.low is None or one.high is None:
        return told
    return f"{told} ({_times(one.low)} to {_times(one.high)})"


def untimed(found: Versus) -> Iterator[str]:
    """Cells that one run lacks, those of one example and reason together.

    Where a run has no times at all, they are counted by `times`, and not named.
    """
    if not found.times and len({_kind(one) for one in found.untimed}) == 1:
        (kind,) = {_kind(one) for one in found.untimed}
        if NOT_TIMED in kind:
            return
    groups: dict[tuple[str, str, str], list[str]] = {}
    for one in found.untimed:
        groups.setdefault((one.example, *_kind(one)), []).append(one.label)
    for (example, then, now), labels in groups.items():
        told = f"timed now, {then} then" if then else f"timed then, {now} now"
        yield f"{example}: {', '.join(labels)}: {told}"


def arrow(then: str, now: str) -> str:
    """Both, or one where they are the same."""
    return now if then == now else f"{then} → {now}"


def _kind(one: Untimed) -> tuple[str, str]:
    return one.then, one.now


def _pairs(one: Compared) -> Sequence[tuple[object, object]]:
    pairs: Sequence[Pair] = (one.verdict, one.checks, one.score, one.float32)
    return [(both.then, both.now) for both in pairs]


def _told(value: object) -> str:
    """A score in the two digits that tables show."""
    if value is None:
        return ABSENT
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def _times(ratio: float) -> str:
    return f"{ratio:.2f}" if 0.1 <= ratio < 10 else f"{ratio:.3g}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
