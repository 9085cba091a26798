"""What a run amounts to, in sentences made from its rows: plain text."""

from collections.abc import Iterable
from math import inf

from compare import result
from compare.baseline import Change
from compare.noise import LIMIT
from compare.outcome import Report
from compare.result import Example, Row, Run
from compare.timing import Cell, Ratio


def agreement(run: Run) -> str:
    """How many examples agree, by how many checks, and how near they came."""
    examples = compared(run)
    if not examples:
        return "nothing was compared"
    called = "pairs" if pairs_alone(run) else "examples"
    agree = sum(result.passed(example.verdict) for example in examples)
    checks = sum(row.verdict != "skipped" for one in examples for row in one.checks)
    scores = [result.largest_score(example.checks) for example in examples]
    largest = max((score for score in scores if score is not None), default=None)
    told = "" if largest is None else f", largest score {largest:.2g} of {LIMIT:g}"
    others = len(run.examples) - len(examples)
    told += f", {others} skipped" if others else ""
    lost = len(result.missing(run))
    told += f"; the run was cut off before {lost} more" if lost else ""
    return f"{agree} of {len(examples)} {called} agree: {checks} checks{told}"


def all_agree(run: Run) -> bool:
    """Whether something was compared, nothing was cut off, and all of it passed."""
    examples = compared(run)
    passed = all(result.passed(one.verdict) for one in examples)
    return bool(examples) and passed and not result.missing(run)


def pairs_alone(run: Run) -> bool:
    """Whether the run is of users' own models, and of no example of ours."""
    return bool(run.examples) and all(one.kind == "pair" for one in run.examples)


def compared(run: Run) -> list[Example]:
    """The examples that were not skipped."""
    return [example for example in run.examples if example.verdict != "skipped"]


def speed(run: Run) -> str:
    """Which framework is faster in how many examples, each in its fastest mode."""
    verdicts = [ratio.verdict for ratio in fastest(run)]
    if not verdicts:
        return "no example was timed in both frameworks"
    jax, torch, same, open_ = (
        verdicts.count(verdict) for verdict in ("FASTER", "SLOWER", "SAME", "UNDECIDED")
    )
    told = f"JAX is faster in {jax}, PyTorch in {torch}"
    told += f", the same in {same}" if same else ""
    return told + (f", undecided in {open_}" if open_ else "")


def fastest(run: Run) -> list[Ratio]:
    """JAX against PyTorch, each in its fastest mode, in every example at full size."""
    return [one for one in run.ratios if one.fastest and one.batch is None]


def as_fast(ratio: Ratio) -> tuple[float, str]:
    """How many times as fast the subject is, and the interval if there is one."""
    times, low, high = (
        1 / seconds if seconds else None
        for seconds in (ratio.ratio, ratio.high, ratio.low)
    )
    interval = "" if low is None or high is None else f"{low:.3g} to {high:.3g}"
    return inf if times is None else times, interval


def claims(run: Run) -> str:
    """How many claims on times hold."""
    kept = sum(claim.holds is True for claim in run.claims)
    return f"{kept} of {len(run.claims)} claims hold"


def few(sentences: Iterable[str], *, at_most: int = 3) -> list[str]:
    """The first of them, each once, and how many more there are."""
    every = list(dict.fromkeys(sentences))
    more = len(every) - at_most
    return every[:at_most] + ([f"and {more} more like these"] if more > 0 else [])


def change(found: Change) -> str:
    """How long a mode takes now, beside the baseline."""
    cell = Cell(found.example, found.framework, found.mode, found.batch)
    if found.ratio is None:
        return f"{found.example}: {cell}"
    bounds = found.low, found.high
    reach = "" if None in bounds else " ({:.3g} to {:.3g})".format(*bounds)
    times = f"takes {found.ratio:.3g} × as long as in the baseline{reach}"
    return f"{found.example}: {cell} {times}"


def sound(run: Run, faults: Report | None) -> bool:
    """Whether no claim, no baseline and no missed fault speaks against the run."""
    held = all(claim.holds is not False for claim in run.claims)
    kept = all(found.verdict != "regressed" for found in run.changes)
    return held and kept and not (faults and faults.missed)


def nothing_resolved(rows: Iterable[Row]) -> list[str]:
    """What rounding hides altogether: a sentence for each quantity."""
    return [f"nothing was resolved of {name}" for name in result.unresolved(rows)]


def besides(run: Run, faults: Report | None) -> list[str]:
    """What there is to say of times and of planted faults."""
    told = [speed(run)] if run.timings else []
    told += [claims(run)] if run.claims else []
    return told + ([planted(faults)] if faults else [])


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return f"{text[0].upper()}{text[1:]}."


def describe(row: Row) -> str:
    """One row in a sentence."""
    where = " ".join(
        part
        for part in (
            row.phase,
            "" if row.quantity == row.phase else row.quantity,
            row.leaf,
            "" if row.step is None else f"step {row.step}",
            row.precision,
        )
        if part
    )
    why = f": {row.why}" if row.why else ""
    return f"{row.verdict} in {where}{_off(row)}{why}"


def _off(row: Row) -> str:
    """Numbers that were not finite are not in run.json."""
    told = [
        f"{name} {value:.3g}"
        for name, value in (("off by", row.error), ("score", row.score))
        if value is not None
    ]
    return f" ({', '.join(told)})" if row.score is not None else ""


def planted(report: Report) -> str:
    """How many planted faults were found, and how loud the faintest was."""
    count = len(report.outcomes)
    scores = [one.score for one in report.outcomes if one.score is not None]
    least = f", smallest score {min(scores):.3g}" if scores else ""
    return f"{count - report.missed} of {count} planted faults found{least}"
