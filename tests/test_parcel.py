"""Values that travel through a file: the same bits, and no file left."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

from compare import parcel
from compare.parcel import folder, pack, unpack
from compare.trace import Key, Trace


@pytest.fixture
def where():
    with folder() as path:
        yield path


@pytest.mark.parametrize(
    "value",
    [
        {},
        "no arrays at all",
        np.zeros((0, 3)),
        np.array(2.5),
        np.arange(6, dtype=np.int32).reshape(2, 3),
        np.arange(6.0).reshape(2, 3).T,
        np.array([np.nan, -0.0, np.inf], np.float32),
    ],
    ids=str,
)
def test_a_value_comes_out_as_it_went_in(where, value):
    found = unpack(pack(value, where))
    assert type(found) is type(value)
    if isinstance(value, np.ndarray):
        assert (found.dtype, found.shape) == (value.dtype, value.shape)
        assert found.tobytes() == value.tobytes()
    else:
        assert found == value
    assert [*Path(where).iterdir()] == []


def test_a_trace_is_whole_and_can_be_changed(where):
    key, other = Key("loss", "loss"), Key("gradients", "gradient", "w", 3)
    arrays = {key: np.arange(3.0), other: np.ones((40, 50), np.float32)}
    trace = Trace("line", "jax", "float64", 7, "run 1", arrays=arrays)
    found = unpack(pack((trace, {}), where))[0]
    assert found.arrays.keys() == arrays.keys()
    found.arrays[key] += 1
    assert found.arrays[key].tolist() == [1, 2, 3]
    assert found.arrays[other].tobytes() == arrays[other].tobytes()


def test_where_memory_is_short_the_disk_is_used(where, monkeypatch):
    """A container may have no more than 64 MB of it."""
    real, asked = tempfile.NamedTemporaryFile, []

    def opened(*, dir, delete):
        asked.append(dir)
        file = real(dir=dir, delete=delete)
        if dir is not None:
            file.write = full
        return file

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parcel.tempfile, "NamedTemporaryFile", opened)
    packed = pack(np.arange(9.0), where)
    assert asked == [where, None]
    assert [*Path(where).iterdir()] == []
    assert unpack(packed).tolist() == [*range(9)]
    assert not packed.path.exists()


def test_the_folder_goes_with_what_nobody_fetched():
    with folder() as path:
        pack(np.ones(9), path)
        assert len([*Path(path).iterdir()]) == 1
    assert not Path(path).exists()
