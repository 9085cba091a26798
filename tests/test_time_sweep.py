"""Sweeps over batch sizes, on made-up times of a known line."""

import pytest
from made_up_times import cell, sampled

from compare.registry import load
from compare.spec import Training, prepare
from compare.time_sweep import crossovers, resized, sweeps
from compare.timing import Cell, Sampled

EXAMPLE = "two_layer_manual"
PER_ROW = 406_000.0
"""Operations of a row: 2 · 2 · 1000 · 100 + 3 · 2 · 100 · 10."""
SIZES = (16, 64, 256)


def line(
    name: str, overhead: float, throughput: float, *, sizes=SIZES, example=EXAMPLE
):
    """A mode that takes overhead + operations / throughput, in three blocks."""
    return {
        cell(name, example, batch=size): {
            block: sampled(overhead + PER_ROW * size / throughput) for block in range(3)
        }
        for size in sizes
    }


def swept(*modes: dict[Cell, dict[int, Sampled]], name=EXAMPLE) -> list:
    return list(sweeps(name, {k: v for m in modes for k, v in m.items()}, seed=0))


def crossed(*modes: dict[Cell, dict[int, Sampled]], name=EXAMPLE) -> list:
    return list(crossovers(name, {k: v for m in modes for k, v in m.items()}, seed=0))


JIT = line("JAX jit", 20e-6, 2e10)
EAGER = line("PyTorch eager", 100e-6, 4e10)
"""They take the same time where 80 µs = operations / 2e10 − operations / 4e10."""
SAME = 80e-6 * 4e10 / PER_ROW


@pytest.mark.parametrize("size", [1, 16, 1000])
def test_batches_of_another_size(size):
    """All else is what the spec draws."""
    spec = load(EXAMPLE)
    assert isinstance(spec, Training)
    found, drawn = resized(EXAMPLE, size, 3), prepare(spec, 3)
    batch = found.batches.at(0)
    assert {len(batch[name]) for name in ("x", "y")} == {size}
    assert spec.work(batch) == size * PER_ROW
    for name, start in drawn.parameters.items():
        assert (found.parameters[name] == start).all()


def test_a_lesson_has_no_batches():
    with pytest.raises(TypeError, match="expected a training, got tensors"):
        resized("tensors", 8, 0)


def test_the_line_is_found():
    jit, eager = swept(JIT, EAGER)
    assert (jit.framework, jit.mode, jit.sizes) == ("jax", "jit", [*SIZES])
    assert (eager.framework, eager.mode) == ("torch", "eager")
    for found, overhead, throughput in ((jit, 20e-6, 2e10), (eager, 100e-6, 4e10)):
        assert found.overhead == pytest.approx(overhead)
        assert found.throughput == pytest.approx(throughput)
        assert found.overhead_low == pytest.approx(found.overhead_high)
        assert found.throughput_low == pytest.approx(found.throughput_high)
        assert found.worst == pytest.approx(0, abs=1e-9)


def test_larger_batches_that_take_no_longer_have_no_throughput():
    (found,) = swept(line("JAX jit", 1e-3, -1e12))
    assert (found.throughput, found.throughput_low) == (None, None)
    assert 0.89e-3 < found.overhead < 1e-3  # of 256 rows and of none


@pytest.mark.parametrize(
    "modes",
    [
        {},
        line("JAX jit", 1e-5, 1e10, sizes=(64,)),
        line("JAX jit again", 1e-5, 1e10),
        line("JAX jit", 1e-5, 1e10, example="another"),
        {cell("JAX jit", EXAMPLE): {0: sampled(1.0)}},
    ],
)
def test_without_two_sizes_there_is_no_line(modes):
    assert swept(modes) == []
    assert crossed(modes) == []


def test_sizes_without_a_block_in_common_make_no_line():
    apart = {
        cell("JAX jit", EXAMPLE, batch=size): {size: sampled(1.0)} for size in SIZES
    }
    assert swept(apart) == []


def test_only_common_blocks_make_the_line():
    """What one size alone has taken in a fourth block is no part of it."""
    odd = {at: {**blocks} for at, blocks in JIT.items()}
    odd[cell("JAX jit", EXAMPLE, batch=64)][7] = sampled(99.0)
    assert swept(odd) == swept(JIT)


# --------------------------------------------------------------------------- crossovers


def test_where_they_take_the_same_time():
    (found,) = crossed(JIT, EAGER)
    assert (found.left, found.right) == ("JAX jit", "PyTorch eager")
    assert found.batch == pytest.approx(SAME)


def test_one_may_always_lead():
    (found,) = crossed(JIT, line("PyTorch eager", 100e-6, 1e10))
    assert found.batch is None


def test_the_fastest_at_the_smallest_size_are_compared():
    others = (line("JAX scan", 1.0, 1e11), line("PyTorch tuned", 1.0, 1e11))
    (found,) = crossed(*others, JIT, EAGER)
    assert (found.left, found.right) == ("JAX jit", "PyTorch eager")


def test_times_without_a_sweep_have_no_crossover():
    """Both frameworks, as in any `twinnets time`."""
    plain = {cell(n, EXAMPLE): {0: sampled(1.0)} for n in ("JAX jit", "PyTorch eager")}
    assert crossed(plain) == swept(plain) == []


def test_one_framework_alone_has_no_crossover():
    assert crossed(JIT, line("JAX scan", 1e-6, 1e10)) == []


def test_each_example_has_its_own():
    """Another one that is faster, and smaller, changes nothing."""
    sizes = (4, 16)
    other = {
        **line("JAX scan", 1e-9, 1e15, sizes=sizes, example="line_linear"),
        **line("PyTorch tuned", 1e-9, 1e15, sizes=sizes, example="line_linear"),
    }
    assert crossed(other, JIT, EAGER) == crossed(JIT, EAGER)
