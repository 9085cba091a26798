"""What differs between the frameworks by design, and by exactly what."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from compare import check
from compare.check import Sides
from compare.pair.both import Both, Point
from compare.pair.judge import key_of
from compare.result import Row

BIASED = (
    "PyTorch keeps the unbiased variance, over n − 1, Flax the biased one, over n: "
    "what a batch adds to JAX's is (n − 1) / n of what it adds to PyTorch's"
)


def by_design(
    both: Both, point: Point, sides: Sides, rows: Sequence[Row]
) -> Iterator[Row]:
    """The rows, with those that differ exactly as documented called so.

    PyTorch runs once more with the biased variance: JAX's must be that one.
    """
    variances = {
        entry.label for entry in both.map.entries if entry.torch.endswith("running_var")
    }
    wrong = {key_of(row) for row in rows if row.verdict == "semantic"}
    wrong = {key for key in wrong if key.quantity == "buffer" and key.leaf in variances}
    biased = {}
    if wrong:
        with both.session("float64"):
            exact = point.cast("float64")
            biased = both.values(both.torch, exact, rewrite=_biased)
    for row in rows:
        key = key_of(row)
        if key not in wrong or row.precision != "float64":
            yield row
            continue
        pair = check.pair(sides, key)
        told = check.judge(
            replace(pair, right=biased[key]), passing="differs", why=BIASED
        )
        yield row if told.verdict == "semantic" else told


def _biased(name: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    return ("batch_norm_biased", arguments) if name == "batch_norm" else None
