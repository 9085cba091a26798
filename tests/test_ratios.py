"""Which modes are held against which, and what made-up times of them amount to."""

from itertools import combinations
from math import exp, inf, isinf, log

import pytest
from made_up_times import cell, done, sampled

from compare.ratios import band_of, estimate, fastest, pairs, ratios, reference
from compare.stats import LEAST_BAND, noise_band, paired
from compare.timing import MODES, Cell

EVERY = [
    "PyTorch notebook",
    "PyTorch eager",
    "PyTorch tuned",
    "PyTorch compile",
    "JAX eager",
    "JAX jit",
    "JAX scan",
]


def cells(*names: str) -> list[Cell]:
    return [cell(name) for name in names]


def couples(*names: str) -> list[tuple[str, str]]:
    """What is held against what, as shown."""
    return [(str(one), str(other)) for one, other in pairs(cells(*names))]


# --------------------------------------------------------------------- what is compared


def test_all_pairs():
    assert couples(*EVERY, "PyTorch notebook again") == [
        ("PyTorch notebook again", "PyTorch notebook"),
        *((name, "PyTorch notebook") for name in EVERY[1:]),
        ("PyTorch tuned", "PyTorch eager"),
        ("PyTorch compile", "PyTorch eager"),
        ("JAX jit", "JAX eager"),
        ("JAX scan", "JAX eager"),
        ("JAX scan", "JAX jit"),
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], []),
        (["JAX jit"], []),
        (["JAX jit", "JAX scan"], [("JAX scan", "JAX jit")]),
        (["JAX eager", "JAX jit"], [("JAX jit", "JAX eager")]),
        (
            ["JAX eager", "JAX jit", "JAX scan"],
            [
                ("JAX jit", "JAX eager"),
                ("JAX scan", "JAX eager"),
                ("JAX scan", "JAX jit"),
            ],
        ),
        (["PyTorch tuned", "JAX jit"], [("JAX jit", "PyTorch tuned")]),
        (["JAX jit", "JAX jit again"], [("JAX jit again", "JAX jit")]),
        (["JAX jit again"], []),  # its mode is lost
    ],
)
def test_pairs_of_few_modes(names, expected):
    assert couples(*names) == expected


NAMED = [
    f"{'JAX' if side == 'jax' else 'PyTorch'} {mode}"
    for side, modes in MODES.items()
    for mode in modes
]
SUBSETS = [list(some) for n in range(1, 5) for some in combinations(NAMED, n)]


def test_pairs_of_any_modes():
    """Nothing twice, nothing against itself, and all against one."""
    for some in SUBSETS:
        found = pairs(cells(*some, f"{some[0]} again"))
        assert len(found) == len({frozenset(couple) for couple in found})
        assert all(one != other for one, other in found)
        base = reference(cells(*some))
        against_base = {one for one, other in found if other == base}
        assert against_base >= set(cells(*some)) - {base}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (EVERY[::-1], "PyTorch notebook"),
        (["JAX jit", "JAX eager", "PyTorch eager"], "PyTorch eager"),
        (["PyTorch tuned", "JAX jit", "JAX eager"], "JAX eager"),
        (["JAX scan", "JAX jit"], "JAX scan"),
    ],
)
def test_the_reference(names, expected):
    assert str(reference(cells(*names))) == expected


def test_the_fastest_of_each_framework():
    times = {"PyTorch eager": 3.0, "PyTorch tuned": 2.0, "JAX jit": 4.0, "JAX scan": 1}
    ((left, right),) = fastest(done(times))
    assert (str(left), str(right)) == ("JAX scan", "PyTorch tuned")


def test_a_control_is_not_the_fastest():
    times = {"PyTorch eager": 3.0, "PyTorch eager again": 1.0, "JAX jit": 4.0}
    ((_, right),) = fastest(done(times))
    assert right == cell("PyTorch eager")


def test_one_framework_alone_has_no_fastest_pair():
    assert fastest(done({"JAX jit": 1.0, "JAX scan": 2.0})) == []
    assert fastest({}) == []


# ------------------------------------------------------------------------ common blocks


def test_only_common_blocks_count():
    """What jit has taken in the first block, and eager in the last, is no ratio."""
    jit, eager = cells("JAX jit", "JAX eager")
    found = {
        jit: {0: sampled(99.0), 1: sampled(2.0), 4: sampled(4.0)},
        eager: {1: sampled(8.0), 4: sampled(4.0), 5: sampled(0.01)},
    }
    known = estimate(found, jit, eager)
    assert known is not None
    assert known.blocks == 2
    assert known.ratio == pytest.approx(0.5)  # √(2/8 · 4/4)


def test_no_common_block_is_no_estimate():
    jit, eager = cells("JAX jit", "JAX eager")
    found = {jit: {0: sampled(1.0)}, eager: {1: sampled(1.0)}}
    assert estimate(found, jit, eager) is None
    assert estimate({jit: {0: sampled(1.0)}}, jit, eager) is None
    assert list(ratios(found, [(jit, eager)])) == []


# -------------------------------------------------------------------------------- noise


def test_the_band_is_of_all_controls_of_a_run():
    """Two examples with two blocks each; the band is that of all four logs."""
    factors = (1.01, 0.97, 1.04, 1.02)
    found: dict = {}
    for place, factor in enumerate(factors):
        example, block = ("a", "b")[place // 2], place % 2
        mode = cell("JAX jit", example)
        found.setdefault(mode, {})[block] = sampled(1.0)
        again = mode._replace(control=True)
        found.setdefault(again, {})[block] = sampled(factor)
    expected = noise_band(paired([[f] for f in factors], [[1.0]] * 4))
    assert band_of(found) == pytest.approx(expected)
    assert LEAST_BAND < expected < inf


def test_the_band_is_of_common_blocks():
    mode, again = cells("JAX jit", "JAX jit again")
    found = {
        mode: {0: sampled(1.0), 1: sampled(1.0), 2: sampled(1.0)},
        again: {1: sampled(1.0), 2: sampled(1.0), 3: sampled(50.0)},
    }
    assert band_of(found) == pytest.approx(LEAST_BAND)


@pytest.mark.parametrize(
    ("times", "blocks"),
    [
        ({"JAX jit": 1.0, "JAX eager": 1.0}, 5),
        ({"JAX jit again": 1.0}, 5),
        ({"JAX jit": 1.0, "JAX jit again": 1.0}, 1),
    ],
)
def test_without_two_blocks_of_a_control_the_band_is_infinite(times, blocks):
    assert isinf(band_of(done(times, blocks=blocks)))


def test_without_a_band_nothing_is_decided():
    (found,) = ratios(
        done({"JAX jit": 1.0, "JAX eager": 9.0}), [(cell("JAX jit"), cell("JAX eager"))]
    )
    assert (found.verdict, found.band) == ("UNDECIDED", None)
    assert found.low == pytest.approx(found.high) == pytest.approx(1 / 9)


def test_one_block_has_no_interval():
    times = {"JAX jit": 1.0, "JAX eager": 2.0, "JAX eager again": 2.0}
    found = {(r.subject, r.reference): r for r in rows(done(times, blocks=1))}
    jit = found["JAX jit", "JAX eager"]
    assert (jit.ratio, jit.low, jit.high, jit.band) == (0.5, None, None, None)
    assert (jit.blocks, jit.verdict) == (1, "UNDECIDED")


# ----------------------------------------------------------------------- the whole path

NOISE = {"machine": 0.2, "process": 0.01, "inside": 0.03}
"""The machine's is much the largest, and blocks must take it out."""


def rows(found):
    return list(ratios(found, pairs(list(found))))


@pytest.mark.parametrize("seed", range(20))
def test_the_same_is_not_called_faster_or_slower(seed):
    times = dict.fromkeys([*EVERY, "PyTorch notebook again"], 1e-3)
    found = rows(done(times, seed=seed, **NOISE))
    assert len(found) == 12
    assert {ratio.verdict for ratio in found} <= {"SAME", "UNDECIDED"}


def test_the_same_is_mostly_called_the_same():
    """The interval of five blocks reaches 3 % to either side, within ± 5 %."""
    times = dict.fromkeys(["JAX jit", "JAX scan", "JAX jit again"], 1e-3)
    drawn = [done(times, seed=seed, **NOISE) for seed in range(20)]
    verdicts = [ratio.verdict for found in drawn for ratio in rows(found)]
    assert verdicts.count("SAME") > len(verdicts) / 2


def test_a_fifth_longer_is_slower():
    """1.2 lies outside of a 95 % interval in 10 ± 3 of 200 experiments."""
    times = {"PyTorch eager": 1.0, "PyTorch tuned": 1.2, "PyTorch eager again": 1.0}
    outside = 0
    for seed in range(200):
        again, tuned = rows(done(times, seed=seed, **NOISE))
        assert again.verdict in ("SAME", "UNDECIDED")
        assert tuned.verdict == "SLOWER"
        assert tuned.blocks == 5
        assert tuned.low < tuned.ratio < tuned.high
        outside += not tuned.low <= 1.2 <= tuned.high
    assert 1 <= outside <= 20


def test_a_fifth_shorter_is_faster():
    times = {"JAX eager": 1.2, "JAX jit": 1.0, "JAX eager again": 1.2}
    _, jit = rows(done(times, **NOISE))
    assert (jit.subject, jit.verdict) == ("JAX jit", "FASTER")


def test_a_noisy_control_forbids_verdicts():
    """The same clear difference, beside a mode that differs from itself by as much."""
    times = {"JAX eager": 1.0, "JAX jit": 1.2}
    found = done(times, seed=1, process=0.001)
    again = cell("JAX eager again")
    noisy = [0.8, 1.25, 0.85, 1.2, 1.0]
    found[again] = {block: sampled(s) for block, s in enumerate(noisy)}
    _, jit = rows(found)
    assert jit.low > exp(LEAST_BAND)
    assert jit.verdict == "UNDECIDED"
    assert jit.band == pytest.approx(band_of(found)) != pytest.approx(LEAST_BAND)
    assert log(jit.low) < jit.band


def test_a_row_names_what_it_is_of():
    found = {
        cell(name, "moons_mlp", batch=64): {0: sampled(s), 1: sampled(s)}
        for name, s in (("JAX jit", 1.0), ("JAX eager", 4.0))
    }
    (one,) = rows(found)
    assert (one.example, one.batch) == ("moons_mlp", 64)
    assert one.subject == "JAX jit batch 64"
    assert one.reference == "JAX eager batch 64"


# ------------------------------------------------------------------------ like for like


def unlike(mine: tuple, theirs: tuple) -> list[str]:
    """What differs between two cells, each a name and what else its worker told."""
    found = {cell(name): {0: sampled(1.0, **told)} for name, told in (mine, theirs)}
    (one,) = ratios(found, [(cell(mine[0]), cell(theirs[0]))])
    return one.unlike


PLAIN = {"conditions": {"dtype": "float32", "products": "float32"}}
TF32 = {"conditions": {"dtype": "float32", "products": "tf32"}}
JITTED = {"idiom": {"compiled": "step", "state": "given away"}}
WRITTEN = {"idiom": {"compiled": "no", "state": "in place"}}


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        (("JAX jit", PLAIN), ("PyTorch eager", PLAIN), []),
        (
            ("JAX jit", TF32),
            ("PyTorch eager", PLAIN),
            ["products: tf32, float32"],
        ),
        (("JAX jit", TF32), ("JAX eager", PLAIN), ["products: tf32, float32"]),
        (
            ("JAX jit", JITTED),
            ("PyTorch eager", WRITTEN),
            ["compiled: step, no", "state: given away, in place"],
        ),
        (("JAX jit", JITTED), ("JAX eager", WRITTEN), []),
        (
            ("JAX jit", TF32 | JITTED),
            ("PyTorch eager", PLAIN | WRITTEN),
            [
                "products: tf32, float32",
                "compiled: step, no",
                "state: given away, in place",
            ],
        ),
    ],
)
def test_what_is_unlike(mine, theirs, expected):
    assert unlike(mine, theirs) == expected


def test_what_only_one_side_has_is_not_unlike():
    alone = {"idiom": {"compiled": "no", "losses": "read at each step"}}
    assert unlike(("JAX eager", {}), ("PyTorch notebook", alone)) == []


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ({}, []),
        ({"written": 100.0, "compiled": 100.0}, []),
        ({"written": 100.0, "compiled": 90.0}, []),
        ({"written": 100.0, "compiled": 150.0}, []),
        ({"written": 100.0, "compiled": None}, []),
        ({"written": 0.0, "compiled": 0.0}, []),
        (
            {"written": 100.0, "compiled": 60.0},
            ["JAX jit leaves out 40% of the operations"],
        ),
    ],
)
def test_what_a_compiler_has_dropped(operations, expected):
    told = {"operations": operations}
    assert unlike(("JAX jit", told), ("PyTorch eager", {})) == expected
    assert unlike(("PyTorch eager", {}), ("JAX jit", told)) == expected
    assert unlike(("JAX jit", told), ("JAX eager", {})) == []


def test_the_first_block_tells_operations():
    """Later workers are not asked for them."""
    jit, eager = cells("JAX jit", "PyTorch eager")
    counted = sampled(1.0, operations={"written": 4.0, "compiled": 1.0})
    found = {
        jit: {2: sampled(1.0), 0: counted},
        eager: {2: sampled(1.0), 0: sampled(1.0)},
    }
    (one,) = ratios(found, [(jit, eager)])
    assert one.unlike == ["JAX jit leaves out 75% of the operations"]
