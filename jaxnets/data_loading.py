"""Loading data: a data set, its batches in a given order, shuffling, workers.

A source has a length and rows. A `grain.MapDataset` of it is a chain of steps (order,
lookup, batch), each of which can be asked for any of its elements, and is computed
when it is iterated; what comes out are NumPy's arrays. An element past the end is one
of the next epoch.
"""

import os
from collections.abc import Iterable
from contextlib import closing
from multiprocessing import parent_process
from threading import Thread

import grain
import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from jax import Array
from jaxtyping import Float, Float32, Int, Num

Points = Float[np.ndarray, "rows features"]
Labels = Int[np.ndarray, "rows"]
Order = Int[np.ndarray, "rows"]
Orders = Int[np.ndarray, "epochs rows"]
Row = tuple[Float32[np.ndarray, "features"], np.int32]
Batch = tuple[Num[Array, "batch *features"], ...]
NumpyBatch = tuple[Num[np.ndarray, "batch *features"], ...]

# What an earlier cell of the notebook has left in these names.
train_points = np.arange(40, dtype=np.float32).reshape(20, 2)
train_labels = np.arange(20, dtype=np.int32) % 2


class Moons(grain.sources.RandomAccessDataSource[Row]):
    """The first n points and their labels, kept as float32 and int32."""

    def __init__(self, points: Points, labels: Labels, *, n: int = 200):
        self.points = points[:n].astype(np.float32)
        self.labels = labels[:n].astype(np.int32)

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, i: int) -> Row:
        return self.points[i], self.labels[i]


class PrintedMoons(grain.sources.RandomAccessDataSource[Row]):
    """The same as the notebook prints it, with three slips."""

    def __init__(self, points: Points, labels: Labels, *, n: int = 200):
        # n is not used; these names end with the function, those below are global.
        train_points = points[:200].astype(np.float32)  # noqa: F841
        train_labels = labels[:200].astype(np.int32)  # noqa: F841

    def __len__(self) -> int:
        return len(train_points)

    def __getitem__(self, i: int) -> Row:
        return train_points[i], train_labels[i]


def _on_device(batches: Iterable[NumpyBatch | None]) -> list[Batch]:
    """All batches as JAX's arrays, which are copies."""
    return [jax.tree.map(jnp.array, batch) for batch in batches]


def _end_with_parent(worker: int, workers: int) -> None:
    """A process that reads for one that was killed would wait for ever."""

    def wait() -> None:
        if parent := parent_process():
            parent.join()
            os._exit(1)

    Thread(target=wait, daemon=True).start()


def row_past_the_end(points: Points, labels: Labels) -> Row | None:
    """Row n, where the last one is row n - 1."""
    return grain.MapDataset.source(Moons(points, labels))[len(points)]


def handed_out(points: Points, labels: Labels) -> NumpyBatch:
    """The first batch as it comes: the loader's own arrays."""
    loader = grain.MapDataset.source(Moons(points, labels)).batch(7)
    return next(iter(loader))


def python_numbers(points: Points, labels: Labels) -> Batch:
    """Rows of Python's own numbers: of which dtype is a batch of them?"""
    rows = list(zip(points[:, 0].tolist(), labels.tolist(), strict=True))
    return _on_device(grain.MapDataset.source(rows).batch(7))[0]


def labels_for_the_loss(points: Points, labels: Labels) -> Float32[Array, "batch"]:
    """Whole numbers made floats, for a binary cross entropy multiplies by them."""
    x, y = next(iter(grain.MapDataset.source(Moons(points, labels)).batch(7)))
    return jnp.asarray(y, x.dtype)


def number_of_batches(points: Points, labels: Labels) -> tuple[int, int]:
    """⌈n / 7⌉ with a short last batch, ⌊n / 7⌋ without."""
    moons = grain.MapDataset.source(Moons(points, labels))
    kept = moons.batch(7)
    dropped = moons.batch(7, drop_remainder=True)
    return len(kept), len(dropped)


def batches(points: Points, labels: Labels) -> list[Batch]:
    """All rows, 7 at a time; the last batch is what is left."""
    return _on_device(grain.MapDataset.source(Moons(points, labels)).batch(7))


def batches_without_the_last(points: Points, labels: Labels) -> list[Batch]:
    """A short last batch is dropped, and its rows with it."""
    moons = grain.MapDataset.source(Moons(points, labels))
    return _on_device(moons.batch(7, drop_remainder=True))


def batches_in_order(points: Points, labels: Labels, order: Order) -> list[Batch]:
    """The i-th row that is handed out is row `order[i]`."""
    moons = Moons(points, labels)
    rows = grain.MapDataset.source(order.tolist()).map(lambda i: moons[i])
    return _on_device(rows.batch(7))


def batches_by_two_workers(points: Points, labels: Labels, order: Order) -> list[Batch]:
    """The same batches, made by two other processes, come in the same order."""
    x, y = points.astype(np.float32), labels.astype(np.int32)
    rows = grain.MapDataset.source(order.tolist()).map(lambda i: (x[i], y[i]))
    # grain's processes, which are never forks, ask for flags that `absl.app.run` would
    # have parsed.
    flags.FLAGS.mark_as_parsed()
    loader = (
        # Batched before it is shared out, else each process batches rows of its own.
        rows.batch(7)
        .to_iter_dataset()
        .mp_prefetch(
            grain.multiprocessing.MultiprocessingOptions(num_workers=2),
            worker_init_fn=_end_with_parent,
        )
    )
    with closing(iter(loader)) as found:
        return _on_device(found)


def epochs_in_order(points: Points, labels: Labels, orders: Orders) -> list[Batch]:
    """Every epoch in an order of its own, with what is left as its last batch."""
    moons = Moons(points, labels)
    epochs = [
        grain.MapDataset.source(order.tolist()).map(lambda i: moons[i]).batch(7)
        for order in orders
    ]
    return _on_device(grain.MapDataset.concatenate(epochs))


def batches_across_epochs(
    points: Points, labels: Labels, orders: Orders
) -> list[Batch]:
    """The same rows, but a batch takes from the next epoch what it lacks."""
    moons = Moons(points, labels)
    rows = grain.MapDataset.source(orders.ravel().tolist()).map(lambda i: moons[i])
    return _on_device(rows.batch(7))


def every_row_once(
    points: Points, labels: Labels, seed: int
) -> Float32[Array, "rows features"]:
    """The library's own shuffle: the rows of an epoch, sorted by their first number."""
    moons = grain.MapDataset.source(Moons(points, labels)).shuffle(seed=seed)
    x = jnp.concatenate([x for x, _ in moons.batch(7)])
    return x[x[:, 0].argsort()]


def same_order_by_the_same_seed(points: Points, seed: int) -> bool:
    """Do two shuffles that are seeded alike give one order?"""
    first, second = (
        grain.MapDataset.range(len(points)).shuffle(seed=seed) for _ in range(2)
    )
    return list(first) == list(second)


def same_order_when_iterated_again(points: Points, seed: int) -> bool:
    """Does one shuffle give the same order when it is iterated a second time?"""
    rows = grain.MapDataset.range(len(points)).shuffle(seed=seed)
    return list(rows) == list(rows)


def reshuffled_every_epoch(
    points: Points, seed: int
) -> tuple[bool, Int[np.ndarray, "epochs rows"]]:
    """Two epochs of a shuffle: are their orders the same? And both, sorted."""
    rows = list(grain.MapDataset.range(len(points)).shuffle(seed=seed).repeat(2))
    first, second = rows[: len(points)], rows[len(points) :]
    return first == second, np.sort([first, second])


def printed(points: Points, labels: Labels) -> tuple[int, list[Batch]]:
    """13 points asked of the printed data set: its length, its batches."""
    moons = PrintedMoons(points, labels, n=13)
    return len(moons), _on_device(grain.MapDataset.source(moons).batch(7))


def mended(points: Points, labels: Labels) -> tuple[int, list[Batch]]:
    """13 points asked of the mended data set: its length, its batches."""
    moons = Moons(points, labels, n=13)
    return len(moons), _on_device(grain.MapDataset.source(moons).batch(7))
