"""What a run amounts to, in sentences made from its rows: plain text."""

from compare import result
from compare.fault import NAMES
from compare.noise import LIMIT
from compare.outcome import Report
from compare.result import Example, Row, Run


def agreement(run: Run) -> str:
    """How many examples agree, by how many checks, and how near they came."""
    examples = compared(run)
    if not examples:
        return "nothing was compared"
    agree = sum(result.passed(example.verdict) for example in examples)
    checks = sum(len(example.checks) for example in examples)
    scores = [result.largest_score(example.checks) for example in examples]
    largest = max((score for score in scores if score is not None), default=None)
    told = "" if largest is None else f", largest score {largest:.2g} of {LIMIT:g}"
    return f"{agree} of {len(examples)} examples agree: {checks} checks{told}"


def all_agree(run: Run) -> bool:
    """Whether something was compared, and all of it passed."""
    examples = compared(run)
    return bool(examples) and all(result.passed(one.verdict) for one in examples)


def compared(run: Run) -> list[Example]:
    """The examples that were not skipped."""
    return [example for example in run.examples if example.verdict != "skipped"]


def speed(run: Run) -> str:
    """Which framework is faster in how many examples, each in its fastest mode."""
    names = {NAMES["jax"]: 0, NAMES["torch"]: 0}
    others = {"the same": 0, "undecided": 0}
    for ratio in run.ratios:
        if not ratio.fastest:
            continue
        if ratio.verdict == "FASTER":
            names[ratio.subject.split()[0]] += 1
        elif ratio.verdict == "SLOWER":
            names[ratio.reference.split()[0]] += 1
        else:
            others["the same" if ratio.verdict == "SAME" else "undecided"] += 1
    others = {name: count for name, count in others.items() if count}
    told = [f"{name} in {count}" for name, count in (names | others).items()]
    return ", ".join(told).replace(" in ", " is faster in ", 1)


def claims(run: Run) -> str:
    """How many claims on times hold."""
    kept = sum(claim.holds is True for claim in run.claims)
    return f"{kept} of {len(run.claims)} claims hold"


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


def found(report: Report) -> str:
    """How many planted faults were found, and how loud the faintest was."""
    count = len(report.outcomes)
    scores = [one.score for one in report.outcomes if one.score is not None]
    least = f", smallest score {min(scores):.3g}" if scores else ""
    return f"{count - report.missed} of {count} planted faults found{least}"
