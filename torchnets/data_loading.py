"""Loading data: a data set, its batches in a given order, shuffling, workers.

A `Dataset` has a length and rows. A `DataLoader` takes the rows in the order of its
sampler and makes tensors of them, a batch at a time. To iterate over it is an epoch,
and every epoch asks the sampler for an order again.
"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Int32, Num
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    Dataset,
    RandomSampler,
    Sampler,
    TensorDataset,
    default_collate,
)

Points = Float[np.ndarray, "rows features"]
Labels = Int[np.ndarray, "rows"]
Order = Int[np.ndarray, "rows"]
Orders = Int[np.ndarray, "epochs rows"]
Row = tuple[Float32[Tensor, "features"], Int32[Tensor, ""]]
Batch = list[Num[Tensor, "batch *features"]]

# What an earlier cell of the notebook has left in these names.
train_points = torch.arange(40, dtype=torch.float32).reshape(20, 2)
train_labels = torch.arange(20, dtype=torch.int32) % 2


class Moons(Dataset[Row]):
    """The first n points and their labels, kept as float32 and int32."""

    def __init__(self, points: Points, labels: Labels, *, n: int = 200):
        self.points = torch.from_numpy(points[:n]).float()
        self.labels = torch.from_numpy(labels[:n]).int()

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, i: int) -> Row:
        return self.points[i], self.labels[i]


class PrintedMoons(Dataset[Row]):
    """The same as the notebook prints it, with three slips."""

    def __init__(self, points: Points, labels: Labels, *, n: int = 200):
        # n is not used; these names end with the function, those below are global.
        train_points = torch.from_numpy(points[:200]).float()  # noqa: F841
        train_labels = torch.from_numpy(labels[:200]).int()  # noqa: F841

    def __len__(self) -> int:
        return len(train_points)

    def __getitem__(self, i: int) -> Row:
        return train_points[i], train_labels[i]


class _InTurn(Sampler[int]):
    """Given orders, one an epoch."""

    def __init__(self, orders: Orders):
        self.orders = iter(orders.tolist())

    def __iter__(self) -> Iterator[int]:
        return iter(next(self.orders))


def row_past_the_end(points: Points, labels: Labels) -> Row:
    """Row n, where the last one is row n - 1."""
    return Moons(points, labels)[len(points)]


def handed_out(points: Points, labels: Labels) -> Batch:
    """The first batch as it comes: the loader's own arrays."""
    loader = DataLoader(Moons(points, labels), batch_size=7)
    return next(iter(loader))


def python_numbers(points: Points, labels: Labels) -> Batch:
    """Rows of Python's own numbers: of which dtype is a batch of them?"""
    rows = list(zip(points[:, 0].tolist(), labels.tolist(), strict=True))
    return default_collate(rows[:7])


def labels_for_the_loss(points: Points, labels: Labels) -> Float32[Tensor, "batch"]:
    """Whole numbers made floats, for a binary cross entropy multiplies by them."""
    x, y = next(iter(DataLoader(Moons(points, labels), batch_size=7)))
    return y.to(x.dtype)


def number_of_batches(points: Points, labels: Labels) -> tuple[int, int]:
    """⌈n / 7⌉ with a short last batch, ⌊n / 7⌋ without."""
    moons = Moons(points, labels)
    kept = DataLoader(moons, batch_size=7)
    dropped = DataLoader(moons, batch_size=7, drop_last=True)
    return len(kept), len(dropped)


def batches(points: Points, labels: Labels) -> list[Batch]:
    """All rows, 7 at a time; the last batch is what is left."""
    return list(DataLoader(Moons(points, labels), batch_size=7))


def batches_without_the_last(points: Points, labels: Labels) -> list[Batch]:
    """A short last batch is dropped, and its rows with it."""
    return list(DataLoader(Moons(points, labels), batch_size=7, drop_last=True))


def batches_in_order(points: Points, labels: Labels, order: Order) -> list[Batch]:
    """The i-th row that is handed out is row `order[i]`."""
    moons = Moons(points, labels)
    return list(DataLoader(moons, batch_size=7, sampler=order.tolist()))


def batches_by_two_workers(points: Points, labels: Labels, order: Order) -> list[Batch]:
    """The same batches, made by two other processes, come in the same order."""
    moons = TensorDataset(
        torch.from_numpy(points).float(), torch.from_numpy(labels).int()
    )
    # Forks start at once, and are safe where the process has no threads: else "spawn".
    loader = DataLoader(
        moons,
        batch_size=7,
        sampler=order.tolist(),
        num_workers=2,
        multiprocessing_context="fork",
    )
    return list(loader)


def epochs_in_order(points: Points, labels: Labels, orders: Orders) -> list[Batch]:
    """Every epoch in an order of its own, with what is left as its last batch."""
    loader = DataLoader(Moons(points, labels), batch_size=7, sampler=_InTurn(orders))
    return [batch for _ in orders for batch in loader]


def batches_across_epochs(
    points: Points, labels: Labels, orders: Orders
) -> list[Batch]:
    """The same rows, but a batch takes from the next epoch what it lacks."""
    moons = Moons(points, labels)
    return list(DataLoader(moons, batch_size=7, sampler=orders.ravel().tolist()))


def every_row_once(
    points: Points, labels: Labels, seed: int
) -> Float32[Tensor, "rows features"]:
    """The library's own shuffle: the rows of an epoch, sorted by their first number."""
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(
        Moons(points, labels), batch_size=7, shuffle=True, generator=generator
    )
    x = torch.cat([x for x, _ in loader])
    return x[x[:, 0].argsort()]


def same_order_by_the_same_seed(points: Points, seed: int) -> bool:
    """Do two shuffles that are seeded alike give one order?"""
    first, second = (
        RandomSampler(points, generator=torch.Generator().manual_seed(seed))
        for _ in range(2)
    )
    return list(first) == list(second)


def same_order_when_iterated_again(points: Points, seed: int) -> bool:
    """Does one shuffle give the same order when it is iterated a second time?"""
    rows = RandomSampler(points, generator=torch.Generator().manual_seed(seed))
    return list(rows) == list(rows)


def reshuffled_every_epoch(
    points: Points, seed: int
) -> tuple[bool, Int[np.ndarray, "epochs rows"]]:
    """Two epochs of a shuffle: are their orders the same? And both, sorted."""
    rows = RandomSampler(points, generator=torch.Generator().manual_seed(seed))
    first, second = list(rows), list(rows)
    return first == second, np.sort([first, second])


def printed(points: Points, labels: Labels) -> tuple[int, list[Batch]]:
    """13 points asked of the printed data set: its length, its batches."""
    moons = PrintedMoons(points, labels, n=13)
    return len(moons), list(DataLoader(moons, batch_size=7))


def mended(points: Points, labels: Labels) -> tuple[int, list[Batch]]:
    """13 points asked of the mended data set: its length, its batches."""
    moons = Moons(points, labels, n=13)
    return len(moons), list(DataLoader(moons, batch_size=7))
