"""What a float32 operation elsewhere would excuse: each layer is judged alone.

A softmax in float32 lets everything after it be off by what float32 makes of it, and a
wrong eps is less than that. On PyTorch's numbers each layer stands alone: one that is
further off than its own float32 computes something else.
"""

from collections.abc import Iterator

from compare.pair import blame
from compare.pair.compared import Compared
from compare.result import Row


def hidden(found: Compared) -> Iterator[Row]:
    """A failing row for each place that float32 does not explain."""
    outputs = [r for r in found.rows if r.phase == "outputs" and r.step in found.points]
    verdicts = {(row.step, row.verdict) for row in outputs}
    for step in found.points:
        if (step, "precision") not in verdicts or (step, "semantic") in verdicts:
            continue
        lesson = found.lesson(step)
        for one in blame.forward(lesson):
            if one.spot is None or lesson.precise(one.spot):
                continue
            (path, call), way, _ = one.spot
            yield Row(
                phase="outputs",
                quantity=f"{way} of a layer alone",
                leaf=path if not call else f"{path}, call {call + 1}",
                step=step,
                precision="float64",
                error=None,
                floor=None,
                score=one.score,
                verdict="semantic",
                why="more than float32 explains, with all before it as PyTorch has it",
            )
