"""Results of a worker travel by a file in memory: a pipe would copy them thrice."""

import mmap
import os
import pickle
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

SHARED = Path("/dev/shm")


@dataclass(frozen=True)
class Parcel:
    """A pickled value whose arrays are in a file, one after the other."""

    head: bytes
    path: Path
    ends: tuple[int, ...]


def folder() -> tempfile.TemporaryDirectory[str]:
    """Where parcels lie: in memory, where the system has such a place."""
    place = SHARED if os.access(SHARED, os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="twinnets-", dir=place)


def pack(value: Any, where: str) -> Parcel:
    """Write the arrays of a value to a new file in the folder."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    ends = [0]
    with tempfile.NamedTemporaryFile(dir=where, delete=False) as file:
        for buffer in buffers:
            ends.append(ends[-1] + file.write(buffer.raw()))
    return Parcel(head, Path(file.name), tuple(ends))


def unpack(parcel: Parcel) -> Any:
    """The value again; its arrays are the file's memory, which goes with them."""
    if parcel.ends == (0,):
        parcel.path.unlink()
        return pickle.loads(parcel.head)
    with parcel.path.open("rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    parcel.path.unlink()
    parts = [whole[begin:end] for begin, end in pairwise(parcel.ends)]
    return pickle.loads(parcel.head, buffers=parts)
