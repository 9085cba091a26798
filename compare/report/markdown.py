"""A run in Markdown, for a comment on a pull request or a job's summary."""

from collections.abc import Iterator

from compare import answer, result
from compare.outcome import Report
from compare.report import told
from compare.report.fitted import Part, fitted, row, said, table
from compare.report.matrix import Line, columns, legend, matrix
from compare.report.mismatch import Mismatch, mismatches
from compare.report.pairs_markdown import layers, warnings, weights
from compare.result import Run, passed
from compare.timing import Ratio

SIGNS = {True: "✅", False: "❌"}


def markdown(run: Run, faults: Report | None = None) -> str:
    """The answer, what does not match, the matrix, the ratios; at most 60 kB.

    Names and reasons are shown, and do nothing else.
    """
    return fitted(
        _answer(run, faults),
        [
            Part("\n### What does not match\n\n", list(_mismatches(run))),
            Part(
                table("What was compared", "example", "verdict", *columns(run)),
                [_line(line) for line in matrix(run)],
                f"\n<sub>{legend(run)}</sub>\n",
            ),
            Part("\n### Warnings\n\n", list(warnings(run))),
            *layers(run),
            Part(
                table(
                    "How fast",
                    *("example", "", "against", "× as fast", "95 %", "verdict"),
                ),
                [_ratio(ratio) for ratio in answer.fastest(run)],
            ),
            Part("\n### Claims on times\n\n", list(_claims(run))),
            *weights(run),
            Part(
                "\n<details><summary>Where and how</summary>\n\n",
                [f"- {fact.name}: {said(fact.value)}\n" for fact in told.facts(run)]
                + [f"- {one.name}: {said(one.value)}\n" for one in told.commands(run)],
                "\n</details>\n",
            ),
        ],
    )


def _answer(run: Run, faults: Report | None) -> str:
    first = f"## {SIGNS[answer.all_agree(run)]} {answer.agreement(run)}"
    lost = result.missing(run)
    rest = [f"not done: {said(', '.join(lost))}"] if lost else []
    rest += answer.besides(run, faults)
    return "\n\n".join([first, *map(answer.sentence, rest)]) + "\n"


def _mismatches(run: Run) -> Iterator[str]:
    for found in mismatches(run):
        yield f"- **{said(found.name)}**: {said(found.sentence)}.{_more(found)}\n"


def _more(found: Mismatch) -> str:
    cause = f" {said(found.blamed)}" if found.blamed else ""
    cause += f" Likely cause: {said(found.cause)}." if found.cause else ""
    others = len(found.others)
    after = f" And {others} more after it." if others else ""
    again = f" Again: {said(found.command)}" if found.command else ""
    return f"{cause}{after}{again}"


def _line(line: Line) -> str:
    """Letters with scores; what fails stands out without colours too."""
    verdict = line.example.verdict
    cells = (f"{cell.letter} {cell.short}".strip() for cell in line.cells)
    return row(line.example.name, f"{SIGNS[passed(verdict)]} {verdict}", *cells)


def _ratio(ratio: Ratio) -> str:
    times, interval = answer.as_fast(ratio)
    modes = ratio.example, ratio.subject, ratio.reference
    return row(*modes, f"{times:.3g}", interval, ratio.verdict)


def _claims(run: Run) -> Iterator[str]:
    """Those that do not hold, then those that are open."""
    for holds, word in ((False, "does not hold"), (None, "open")):
        for claim in run.claims:
            if claim.holds is holds:
                yield f"- {word}: {said(f'{claim.example}: {claim.claim}')}\n"
