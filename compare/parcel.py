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
    try:
        path, ends = _written(buffers, where)
    except OSError:
        # Containers may have a few megabytes of such memory; the disk is the next best.
        path, ends = _written(buffers, None)
    return Parcel(head, path, ends)


def _written(
    buffers: list[pickle.PickleBuffer], where: str | None
) -> tuple[Path, tuple[int, ...]]:
    """A new file with these bytes, and where each ends; nothing is left on failure."""
    ends = [0]
    with tempfile.NamedTemporaryFile(dir=where, delete=False) as file:
        try:
            for buffer in buffers:
                ends.append(ends[-1] + file.write(buffer.raw()))
            file.flush()
        except OSError:
            Path(file.name).unlink()
            raise
    return Path(file.name), tuple(ends)


def unpack(parcel: Parcel) -> Any:
    """The value again; its arrays are the file's memory, which goes with them."""
    whole = memoryview(bytearray())
    if parcel.ends[-1]:  # an empty file cannot be mapped
        with parcel.path.open("rb") as file:
            whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    parcel.path.unlink()
    parts = [whole[begin:end] for begin, end in pairwise(parcel.ends)]
    return pickle.loads(parcel.head, buffers=parts)
