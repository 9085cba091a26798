"""Baselines: what is kept by machine, and what is called slower than then."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.baseline import (
    SCHEMA,
    Machine,
    NotABaseline,
    against,
    machine_of,
    place,
    read,
    save,
)
from compare.doctor import environment
from compare.timing import Sampled, Timing

HERE = Machine("EPYC 7B13", 2, None, {"python": "3.11.9", "jax": "0.10.2"})
THERE = replace(HERE, processor="Xeon 8481C", threads=4)
STEADY = (1.00e-3, 1.01e-3, 0.99e-3, 1.00e-3, 1.01e-3)
"""Medians of five workers, which differ by 1 %; seconds per step."""


def timing(*medians, mode="jit", outcome="equivalent", **fields) -> Timing:
    """A timing whose workers have these medians: of three samples, one far off."""
    workers = [
        Sampled({"step": [seconds, 0.9 * seconds, 7 * seconds]}, {}, {}, {}, {}, {})
        for seconds in medians
    ]
    return Timing("moons_mlp", "jax", mode, outcome, workers=workers, **fields)


def times(factor, medians=STEADY):
    return [factor * seconds for seconds in medians]


def compared(tmp_path, then, now, **options):
    """The change of the only cell."""
    save(tmp_path / "main.json", HERE, [timing(*then)])
    (change,) = against(tmp_path / "main.json", HERE, [timing(*now)], **options)
    return change


# ------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize(
    ("factor", "limit", "expected"),
    [
        (1.0, 1.1, "kept"),
        (0.5, 1.1, "kept"),
        (1.1, 1.1, "undecided"),
        (1.2, 1.1, "regressed"),
        (1.2, 1.5, "kept"),
        (1.0, 1.0, "undecided"),
    ],
)
def test_a_bound_decides(tmp_path, factor, limit, expected):
    change = compared(tmp_path, STEADY, times(factor), max_slowdown=limit)
    assert change.verdict == expected
    assert change.ratio == pytest.approx(factor)
    assert change.low < factor < change.high


def test_a_tenth_longer_is_the_limit_unless_said_otherwise(tmp_path):
    assert compared(tmp_path, STEADY, times(1.05)).verdict == "kept"
    assert compared(tmp_path, STEADY, times(1.15)).verdict == "regressed"


def test_the_bounds_are_those_of_welch(tmp_path):
    """Of scipy.stats.ttest_ind(log now, log then, equal_var=False), 3.70 d.f."""
    change = compared(tmp_path, (1.0, 1.0, 1.3, 0.9), (2.0, 2.2, 2.1), max_slowdown=1.1)
    assert (change.low, change.high) == pytest.approx((1.589879, 2.560497))
    assert change.verdict == "regressed"


def test_noise_hides_a_slowdown(tmp_path):
    noisy = (0.8e-3, 1.3e-3, 1.0e-3)
    assert compared(tmp_path, noisy, times(1.3, noisy)).verdict == "undecided"


@pytest.mark.parametrize(
    ("then", "now"), [((1e-3,), (9e-3,) * 5), ((1e-3,) * 5, (9e-3,))]
)
def test_one_block_decides_nothing(tmp_path, then, now):
    change = compared(tmp_path, then, now)
    assert change.verdict == "undecided"
    assert change.ratio == pytest.approx(9)
    assert change.low is change.high is None


def test_the_same_code_is_seldom_called_slower(tmp_path):
    """5 % noise, no change: a false alarm takes a lower bound above 1.1."""
    rng = np.random.default_rng(0)
    drawn = np.exp(0.05 * rng.standard_normal((300, 2, 5)))
    found = [compared(tmp_path, *both.tolist()).verdict for both in drawn]
    assert found.count("regressed") == 0
    assert found.count("kept") > 150


MEDIANS = st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=5)


@given(MEDIANS, MEDIANS, st.floats(1, 3))
def test_the_verdict_is_that_of_the_bounds(tmp_path_factory, then, now, limit):
    change = compared(tmp_path_factory.getbasetemp(), then, now, max_slowdown=limit)
    assert (change.verdict == "regressed") == (change.low > limit)
    assert (change.verdict == "kept") == (change.high <= limit)


@pytest.mark.parametrize("limit", [0.1, 0.999, -1.0, float("inf"), float("nan")])
def test_a_limit_below_1_is_a_mistake(tmp_path, limit):
    with pytest.raises(ValueError, match=f"max_slowdown: .* got {limit}"):
        compared(tmp_path, STEADY, STEADY, max_slowdown=limit)


# -------------------------------------------------------------------- what is kept


CELLS = [
    timing(*STEADY),
    timing(*STEADY, mode="scan"),
    timing(*STEADY, batch=512),
    timing(*STEADY, products="tf32"),
    replace(timing(*STEADY), example="plane"),
    replace(timing(*STEADY), framework="torch"),
]


@pytest.mark.parametrize("place", range(1, len(CELLS)))
def test_another_cell_is_new(tmp_path, place):
    path = tmp_path / "main.json"
    save(path, HERE, CELLS[:1])
    known, new = against(path, HERE, [CELLS[0], CELLS[place]])
    assert known.verdict == "kept"
    assert (new.verdict, new.ratio, new.low, new.high) == ("new", None, None, None)
    assert (new.mode, new.batch) == (CELLS[place].mode, CELLS[place].batch)


def test_every_cell_is_compared_with_itself(tmp_path):
    path = tmp_path / "main.json"
    factors = range(1, len(CELLS) + 1)
    save(path, HERE, CELLS)
    slower = [
        replace(cell, workers=timing(*times(factor)).workers)
        for cell, factor in zip(CELLS, factors, strict=True)
    ]
    found = [change.ratio for change in against(path, HERE, slower)]
    assert found == pytest.approx(list(factors))


def test_cells_that_are_not_timed_now_are_kept(tmp_path):
    path = tmp_path / "main.json"
    save(path, HERE, CELLS[:2])
    save(path, HERE, [timing(*times(3), mode="scan")])
    jit, scan = against(path, HERE, CELLS[:2])
    assert jit.ratio == pytest.approx(1)
    assert scan.ratio == pytest.approx(1 / 3)


def test_other_machines_are_kept(tmp_path):
    path = tmp_path / "main.json"
    save(path, THERE, [timing(*times(5))])
    save(path, HERE, CELLS[:1])
    save(path, HERE, [timing(*times(2))])
    ratios = [against(path, m, CELLS[:1])[0].ratio for m in (THERE, HERE)]
    assert ratios == pytest.approx([1 / 5, 1 / 2])
    assert [entry.machine for entry in read(path).entries] == [THERE, HERE]


def test_what_is_not_proved_or_a_control_is_left_out(tmp_path):
    path = tmp_path / "main.json"
    others = [
        timing(*STEADY, mode="scan", outcome="not equivalent"),
        timing(mode="eager", outcome="failed"),
        timing(*times(9), control=True),
    ]
    save(path, HERE, [*others, *CELLS[:1]])
    ((saved,),) = (entry.cells for entry in read(path).entries)
    assert saved.mode == "jit"
    assert saved.blocks == pytest.approx(STEADY)
    assert [c.verdict for c in against(path, HERE, [*CELLS[:1], *others])] == ["kept"]
    for function in (save, against):
        with pytest.raises(NotABaseline, match="expected at least one mode"):
            function(path, HERE, others)


def test_the_file_is_there_whole(tmp_path):
    path = tmp_path / "new" / "main.json"
    before = datetime.now(UTC) - timedelta(seconds=1)
    save(path, HERE, CELLS)
    assert before <= datetime.fromisoformat(read(path).entries[0].cells[0].date)
    assert [found.name for found in path.parent.iterdir()] == ["main.json"]
    assert json.loads(path.read_text())["schema"] == SCHEMA
    assert path.read_text().endswith("}\n")


@given(st.permutations(CELLS))
def test_the_order_of_timings_does_not_change_the_file(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("order") / "main.json"
    save(path, HERE, cells[:2])
    save(path, HERE, cells)
    (entry,) = read(path).entries
    assert [
        (c.example, c.framework, c.mode, c.batch, c.products) for c in entry.cells
    ] == [
        ("moons_mlp", "jax", "jit", None, "float32"),
        ("moons_mlp", "jax", "jit", None, "tf32"),
        ("moons_mlp", "jax", "jit", 512, "float32"),
        ("moons_mlp", "jax", "scan", None, "float32"),
        ("moons_mlp", "torch", "jit", None, "float32"),
        ("plane", "jax", "jit", None, "float32"),
    ]


def test_a_save_that_fails_leaves_the_file(tmp_path):
    path = tmp_path / "main.json"
    path.write_text('{"schema": 1, "entries": [')
    with pytest.raises(NotABaseline, match="cut off"):
        save(path, HERE, CELLS)
    assert path.read_text() == '{"schema": 1, "entries": ['


# ------------------------------------------------------------------- the machine


def test_a_machine_is_no_finer_than_it_must_be():
    """Neither its memory, nor its date or kernel: those change and times do not."""
    told = environment()
    found = machine_of(told, threads=2, gpu=None)
    later = told | {"date": "2030-01-01", "platform": "Linux-9", "memory": 1}
    assert machine_of(later, threads=2, gpu=None) == found
    assert (found.processor, found.threads) == (told["processor"], 2)
    assert set(found.packages) == {"python", "jax", "jaxlib", "flax", "optax", "torch"}
    assert found.packages["torch"] == told["packages"]["torch"]


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (replace(HERE, threads=4), "threads 2, here 4"),
        (replace(HERE, gpu="H100"), "gpu none, here H100"),
        (replace(HERE, processor="M3"), "processor EPYC 7B13, here M3"),
        (
            replace(HERE, packages=HERE.packages | {"jax": "0.11.0"}),
            r"jax 0\.10\.2, here 0\.11\.0",
        ),
        # Two fields differ from one entry and three from the other.
        (
            replace(HERE, threads=8, gpu="H100"),
            "threads 2, here 8; gpu none, here H100",
        ),
        (replace(THERE, gpu="H100"), "that it has: gpu none, here H100"),
    ],
)
def test_another_machine_hears_what_differs_from_the_nearest(
    tmp_path, machine, expected
):
    path = tmp_path / "main.json"
    save(path, HERE, CELLS)
    save(path, THERE, CELLS)
    with pytest.raises(NotABaseline, match=rf"{expected}\. .*--save main"):
        against(path, machine, CELLS)


def test_a_file_without_entries(tmp_path):
    path = tmp_path / "main.json"
    path.write_text('{"schema": 1, "entries": []}')
    with pytest.raises(NotABaseline, match="the file has no entry"):
        against(path, HERE, CELLS)


# ------------------------------------------------------------------------ bad files


def test_a_missing_file_names_those_that_are_there(tmp_path):
    for name in ("v1.2", "main"):
        save(tmp_path / f"{name}.json", HERE, CELLS)
    with pytest.raises(NotABaseline, match=r"mian\.json is not there: .* main, v1\.2;"):
        against(tmp_path / "mian.json", HERE, CELLS)
    with pytest.raises(NotABaseline, match="none yet; `twinnets time --save a` makes"):
        against(tmp_path / "nowhere" / "a.json", HERE, CELLS)


def changed(**fields):
    """A file of one cell with other fields."""
    cell = {
        "example": "plane",
        "framework": "jax",
        "mode": "jit",
        "batch": None,
        "products": "float32",
        "date": "2026-11-22",
        "blocks": [1e-3, 2e-3],
    }
    machine = {"processor": "M3", "threads": 2, "gpu": None, "packages": {}}
    entry = {"machine": machine, "cells": [cell | fields]}
    return json.dumps({"schema": 1, "entries": [entry]})


def test_a_file_written_by_hand_is_read(tmp_path):
    path = tmp_path / "main.json"
    path.write_text(changed())
    assert read(path).entries[0].cells[0].blocks == [1e-3, 2e-3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON, or is cut off"),
        ("{", "is no JSON, or is cut off"),
        (b"\xff\xfe", "is no JSON, or is cut off"),
        ('{"schema": 2, "entries": 5}', "has schema 2, .* reads up to 1: upgrade"),
        ("[]", "is no baseline of twinnets: Expected `object`"),
        ('{"schema": 1}', "is no baseline of twinnets: .* `entries`"),
        ('{"schema": "1", "entries": []}', r"is no baseline .* `\$\.schema`"),
        (changed(blocks=[1e-3, 0.0]), r"> 0\.0 - at .*blocks\[1\]"),
        (changed(blocks=[-1.0]), r"> 0\.0 - at .*blocks\[0\]"),
        (changed(blocks=[None]), r"`float`, got `null` - at .*blocks\[0\]"),
        (changed(blocks=[]), "length >= 1 - at .*blocks"),
        (changed(framework="keras"), "Invalid enum value 'keras'"),
    ],
)
def test_a_file_that_is_none(tmp_path, text, message):
    path = tmp_path / "main.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    for function in (save, against):
        with pytest.raises(NotABaseline, match=message):
            function(path, HERE, CELLS)


@pytest.mark.parametrize("name", ["main", "v1.2", "two_cores-3.11", "A"])
def test_a_name_is_a_file_in_the_current_folder(name):
    assert place(name).as_posix() == f"baselines/{name}.json"


@pytest.mark.parametrize("name", ["", "a/b", "../a", "a b", "ä", "a\n", "a\\b", "a:b"])
def test_a_name_that_is_none(name):
    with pytest.raises(NotABaseline, match="expected a name of letters, digits"):
        place(name)
