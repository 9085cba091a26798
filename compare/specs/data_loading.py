"""Data loading: a data set, its batches, their order, and who makes them.

A loader turns rows into batches. Both libraries are handed the orders of their rows,
and give the same batches, whether the process makes them itself or two others do; each
one's own shuffle is only asked to be a shuffle. The data set class of the notebook
stands beside a mended one: it takes no notice of how many points it is asked for, loses
those that it makes, and hands out those of a global name, which happens to exist.

Notebook: "Neural Networks with PyTorch", Data Loaders.

Equation: batch k of b rows, which are taken in the order π, is
    (x[π(kb)], …, x[π(kb + b - 1)]), k = 0, …, ⌈n / b⌉ - 1

Differs: PyTorch's loader makes tensors; grain, made for any framework, leaves NumPy's
arrays. Both stack Python's numbers in 64 bits, which JAX then rounds without x64. An
index past the end is one of the next epoch in grain, and an error in PyTorch. To
iterate again is the next epoch in PyTorch, the same one again in grain. Two more
are met by the way the twins are written: grain's workers share out the rows or, as
here, whole batches, depending on where `batch` stands; and batches run on from
one epoch into the next if it stands after the epochs are joined.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.random import Generator

from compare.fault import Edit, Fault
from compare.spec import Arrays, Difference, Expected, Lesson

Inputs = Mapping[str, Any]
PRECISIONS = ("float64", "float32")
ROWS, EPOCHS, BATCH, ASKED, GLOBAL = 18, 5, 7, 13, 20


def inputs(rng: Generator) -> dict[str, Any]:
    """18 points with labels; an order of their rows, and one for each of 5 epochs."""
    return {
        # Which points they are does not matter here: the moons take a second to draw.
        "points": rng.standard_normal((ROWS, 2)),
        "labels": rng.permutation(ROWS) % 2,
        "order": rng.permutation(ROWS),
        "orders": rng.permuted(np.tile(np.arange(ROWS), (EPOCHS, 1)), axis=1),
        "seed": int(rng.integers(2**31)),
    }


def _taken(inputs: Inputs, rows: Any) -> Arrays:
    """One batch: points and labels of some rows, as the data set keeps them."""
    return {
        "0": inputs["points"][rows].astype(np.float32),
        "1": inputs["labels"][rows].astype(np.int32),
    }


def _in_batches(inputs: Inputs, order: np.ndarray, *, within: str = "") -> Arrays:
    """Rows in an order, 7 at a time."""
    return {
        f"{within}{k}.{leaf}": value
        for k, start in enumerate(range(0, len(order), BATCH))
        for leaf, value in _taken(inputs, order[start : start + BATCH]).items()
    }


def _epochs(inputs: Inputs) -> Arrays:
    """Each epoch in batches, one after the other."""
    each = -(-ROWS // BATCH)
    return {
        f"{epoch * each + k // 2}.{k % 2}": value
        for epoch, order in enumerate(inputs["orders"])
        for k, value in enumerate(_in_batches(inputs, order).values())
    }


def _printed(inputs: Inputs) -> Arrays:
    """The rows of the global names, which are counted through, and their number."""
    rows = np.arange(GLOBAL)
    kept = {"points": rows[:, None] * 2 + np.arange(2), "labels": rows % 2}
    return {"0": np.array(GLOBAL)} | _in_batches(kept, rows, within="1.")


def _mended(inputs: Inputs) -> Arrays:
    """As many rows as were asked for, of those that were made."""
    return {"0": np.array(ASKED)} | _in_batches(inputs, np.arange(ASKED), within="1.")


def _sorted(inputs: Inputs) -> np.ndarray:
    """All points, by their first coordinate."""
    points = inputs["points"].astype(np.float32)
    return points[points[:, 0].argsort()]


def _everywhere(jax: str, torch: str) -> dict[str, tuple[str, str]]:
    """The same kinds in both precisions: a data set has its own dtypes."""
    return dict.fromkeys(PRECISIONS, (jax, torch))


DIFFERENCES = {
    "row_past_the_end": Difference(
        reason="A `MapDataset` has no end: an index past its length is taken modulo "
        "the length, and is of a later epoch. A data set of PyTorch's is indexed as "
        "its tensors are.",
        kinds=_everywhere("(numpy float32[2], numpy int32[])", "raises IndexError"),
        jax=lambda inputs: _taken(inputs, 0),
    ),
    "handed_out": Difference(
        reason="PyTorch's loader makes tensors of a batch; grain knows no framework "
        "and stacks NumPy's arrays.",
        kinds=_everywhere(
            "(numpy float32[7,2], numpy int32[7])", "(float32[7,2], int32[7])"
        ),
    ),
    "python_numbers": Difference(
        reason="Both stack Python's numbers in 64 bits, PyTorch whatever its default "
        "dtype is; JAX rounds them to 32 without x64.",
        kinds={"float32": ("(float32[7], int32[7])", "(float64[7], int64[7])")},
    ),
    "same_order_when_iterated_again": Difference(
        reason="To iterate over a loader again is PyTorch's next epoch; a `MapDataset` "
        "starts at its element 0 again, and has its later epochs after `repeat`.",
        jax=lambda inputs: {"": np.array(True)},
        torch=lambda inputs: {"": np.array(False)},
    ),
}


def _expected(function: str, value: Callable[[Inputs], Arrays]) -> Expected:
    return Expected(function, value, "NumPy")


def _single(function: str, value: Callable[[Inputs], Any]) -> Expected:
    """A function that returns a single thing."""
    return _expected(function, lambda inputs: {"": np.asarray(value(inputs))})


EXPECTED = (
    _expected("handed_out", lambda inputs: _taken(inputs, np.arange(BATCH))),
    _expected(
        "python_numbers",
        lambda inputs: {
            "0": inputs["points"][:BATCH, 0],
            "1": inputs["labels"][:BATCH],
        },
    ),
    _single("labels_for_the_loss", lambda inputs: inputs["labels"][:BATCH] * 1.0),
    _expected("number_of_batches", lambda _: {"0": np.array(3), "1": np.array(2)}),
    _expected("batches", lambda inputs: _in_batches(inputs, np.arange(ROWS))),
    _expected(
        "batches_without_the_last",
        lambda inputs: _in_batches(inputs, np.arange(ROWS - ROWS % BATCH)),
    ),
    _expected("batches_in_order", lambda inputs: _in_batches(inputs, inputs["order"])),
    _expected(
        "batches_by_two_workers", lambda inputs: _in_batches(inputs, inputs["order"])
    ),
    _expected("epochs_in_order", _epochs),
    _expected(
        "batches_across_epochs",
        lambda inputs: _in_batches(inputs, inputs["orders"].ravel()),
    ),
    _single("every_row_once", _sorted),
    _single("same_order_by_the_same_seed", lambda inputs: True),
    _expected(
        "reshuffled_every_epoch",
        lambda inputs: {"0": np.array(False), "1": np.tile(np.arange(ROWS), (2, 1))},
    ),
    _expected("printed", _printed),
    _expected("mended", _mended),
)

FAULTS = (
    Fault(
        "a loader's short last batch is lost",
        "torch",
        "outputs",
        Edit(
            "list(DataLoader(Moons(points, labels), batch_size=7))",
            "list(DataLoader(Moons(points, labels), batch_size=7, drop_last=True))",
        ),
        says="float32[4,2]",
    ),
    Fault(
        "batches made by each worker of its own rows",
        "jax",
        "outputs",
        Edit(
            "rows.batch(7)\n        .to_iter_dataset()\n",
            "rows.to_iter_dataset()\n        .batch(7)\n",
        ),
        says="float32[",
    ),
    Fault(
        "every epoch in the order of the first",
        "torch",
        "outputs",
        Edit("iter(orders.tolist())", "iter(orders[:1].tolist() * 5)"),
    ),
    Fault(
        "epochs batched after they are joined",
        "jax",
        "outputs",
        Edit(
            ".map(lambda i: moons[i]).batch(7)\n        for order",
            ".map(lambda i: moons[i])\n        for order",
        ),
    ),
)

SPEC = Lesson(
    teaches="batches, epochs, shuffling and workers; a data set class with three slips",
    inputs=inputs,
    raw=frozenset({"points", "labels", "order", "orders", "seed"}),
    differences=DIFFERENCES,
    expected=EXPECTED,
    faults=FAULTS,
)
