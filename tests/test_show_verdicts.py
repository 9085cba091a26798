"""What the times amount to, as it is printed: claims, sweeps, the headline."""

from dataclasses import replace

import pytest
from made_up_times import EXAMPLE, lost, ratio, run, timing
from printed import printed, rows

from compare.answer import speed
from compare.result import Run
from compare.show_wanted import show_wanted
from compare.timing import Claim, Crossover, Sweep

JIT = timing("JAX jit", 1e-3, 1e-3)

# -------------------------------------------------------------- claims, sweeps, changes


def test_claims_that_do_not_hold_are_told():
    claims = [
        Claim(EXAMPLE, "time grows", False, "1 ×"),
        Claim(EXAMPLE, "jit is faster", None, "1.5 (1.2 to 1.9)"),
        Claim(EXAMPLE, "all is well", True, "so it is"),
    ]
    text = printed(replace(run(JIT), claims=claims))
    assert "does not hold: time grows; 1 ×" in text
    assert "open: jit is faster; 1.5 (1.2 to 1.9)" in text
    assert "all is well" not in text
    assert "1 of 3 claims hold" in text


def test_sweeps():
    found = run(
        JIT,
        sweeps=[
            Sweep(
                "moons_mlp",
                "jax",
                "jit",
                [1, 2],
                5e-6,
                *[None] * 2,
                2e9,
                *[None] * 2,
                0.12,
            ),
            Sweep("moons_mlp", "torch", "eager", [1, 2], 7e-6, *[None] * 5, worst=0.0),
        ],
        crossovers=[
            Crossover("moons_mlp", "JAX jit", "PyTorch eager", 250.4),
            Crossover("moons_mlp", "JAX scan", "PyTorch tuned", None),
        ],
    )
    text = printed(found)
    assert rows(text, "moons_mlp") == [
        ["JAX jit", "5", "2", "12%"],
        ["PyTorch eager", "7", "0%"],
    ]
    assert "JAX jit and PyTorch eager take the same time at a batch of 250" in text
    assert "JAX scan and PyTorch tuned take the same time at no batch size" in text


def test_changes():
    found = run(JIT, changes=("regressed", "new"))
    odd = replace(found.changes[0], ratio=1.234)
    text = printed(replace(found, changes=[odd, found.changes[1]]))
    assert (
        f"regressed {EXAMPLE}: JAX jit takes 1.23 × as long as in the baseline" in text
    )
    assert f"new {EXAMPLE}: JAX jit\n" in text


# ----------------------------------------------------------------------------- headline


def best(value: float, verdict: str = "", **fields):
    """Both frameworks' fastest modes."""
    given = {"verdict": verdict} if verdict else {}
    return ratio("JAX scan", "PyTorch tuned", value, fastest=True, **given, **fields)


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([], "no example was timed in both frameworks"),
        (
            [best(0.5), best(0.4), best(2.0)],
            "JAX is faster in 2, PyTorch in 1",
        ),
        (
            [ratio("JAX scan", "PyTorch eager", 0.5)],
            "no example was timed in both frameworks",
        ),
        (
            [best(0.5), replace(best(0.4), batch=64)],
            "JAX is faster in 1, PyTorch in 0",
        ),
        (
            [best(1.0, "SAME"), best(1.1, "UNDECIDED"), best(1.2, "UNDECIDED")],
            "JAX is faster in 0, PyTorch in 0, the same in 1, undecided in 2",
        ),
    ],
)
def test_the_headline(ratios, expected):
    found = run(JIT, ratios=ratios)
    assert speed(found).startswith(expected)
    assert expected in printed(found)


# ----------------------------------------------------------------------- what is wanted


def wanted(*cells: tuple[str, str, float]) -> Run:
    """A run of (example, mode, seconds a step)."""
    return run(*(timing(name, s, example=example) for example, name, s in cells))


ADAM = "two_layer_adam"
WANTED = wanted(
    (ADAM, "PyTorch notebook", 8e-3),
    (ADAM, "JAX scan", 1e-3),
    (ADAM, "PyTorch tuned", 5e-3),
    ("moons_mlp", "PyTorch notebook", 2e-3),
    ("moons_mlp", "JAX scan", 1e-3),
)


def test_what_is_wanted_and_what_was_found():
    """Scan is 8 and 2 times as fast: their geometric mean is √16."""
    text = printed(WANTED, show_wanted)
    assert rows(text, ADAM) == [["8000", "1000", "8", "5000", "1.6"]]
    assert rows(text, "moons_mlp") == [["2000", "1000", "2"]]
    assert "8 scan against the notebook's loop: wanted 4\n" in text
    assert "1.6 tuned against the notebook's loop: wanted 2\n" in text
    assert "4 scan against the notebook's loop, geometric mean: wanted 5\n" in text
    # 10⁶ operations in 1 ms, of 2 · 1024³ in 20 ms.
    assert "0.00931 scan's part of the speed of a large product: wanted 0.6" in text


def test_what_was_not_timed_is_not_told():
    text = printed(wanted(("moons_mlp", "JAX scan", 1e-3)), show_wanted)
    assert rows(text, "moons_mlp") == [["1000"]]
    assert "wanted" not in text


def test_what_was_lost_is_not_told():
    gone = lost("JAX scan", "not equivalent", "why", example=ADAM)
    loop = timing("PyTorch notebook", 8e-3, example=ADAM)
    text = printed(run(loop, gone), show_wanted)
    assert rows(text, ADAM) == [["8000"]]
    assert "wanted" not in text
