"""Claims on made-up times: what holds, what does not, and what is left open."""

from dataclasses import replace

import numpy as np
import pytest
from made_up_times import cell, done, ratio, sampled, with_samples
from training_traces import training

from compare.claims import GROWS, NOTHING, claims
from compare.spec import Batches, Contract, Prepared
from compare.timing import Claim, Sampled

EXAMPLE = "moons_mlp"
PREPARED = Prepared({}, {}, Batches({}, {}))
DUE = 1_000.0
"""Operations of a step by the formula."""


def found(times, *, ratios=(), jit_speedup=1.5) -> list[Claim]:
    """All claims on these times."""
    spec = training(work=lambda batch: DUE, contract=Contract(jit_speedup))
    return list(claims(EXAMPLE, spec, PREPARED, done=times, found=list(ratios)))


def one(about: str, times, **options) -> Claim:
    """The claim that is about something."""
    (claim,) = (c for c in found(times, **options) if about in c.claim)
    assert claim.example == EXAMPLE
    return claim


def workers(name: str, *some: Sampled):
    """A cell with a worker in each block."""
    return {cell(name, EXAMPLE): dict(enumerate(some))}


# ------------------------------------------------------------------------ what jit buys


def jit(*factors: float):
    """JAX's eager steps take so many times as long as its jit, by block."""
    return workers("JAX jit", *(sampled(1e-3) for _ in factors)) | workers(
        "JAX eager", *(sampled(1e-3 * factor) for factor in factors)
    )


@pytest.mark.parametrize(
    ("factors", "holds"),
    [
        ((3.0, 3.1, 2.9), True),
        ((1.5, 1.5), True),
        ((1.2, 1.21, 1.19), False),
        ((0.5, 0.5), False),
        ((1.4, 1.8, 1.6), None),  # 1.5 lies between the bounds
        ((3.0, 30.0), None),  # two blocks with 1 degree of freedom
        ((30.0,), None),
    ],
)
def test_jit_is_so_much_faster_by_a_bound(factors, holds):
    assert one("jit is at least", jit(*factors)).holds is holds


def test_the_contract_says_how_much():
    times = jit(3.0, 3.1, 2.9)
    claim = one("jit is at least", times, jit_speedup=4.0)
    assert claim.claim == "JAX jit is at least 4 times as fast as JAX eager"
    assert claim.holds is False
    assert one("jit is at least", times, jit_speedup=2.5).holds is True


def test_the_reason_has_the_ratio_and_its_bounds():
    """Without noise the bounds are the ratio itself."""
    assert one("jit is at least", jit(4.0, 4.0)).why == "4 (4 to 4)"
    low, _, high = one("jit is at least", jit(3.0, 3.3)).why[6:-1].partition(" to ")
    assert float(low) < (3 * 3.3) ** 0.5 < float(high)


def test_one_block_is_too_few():
    assert one("jit is at least", jit(9.0)).why == "fewer than two blocks"


def test_blocks_that_are_not_common_decide_nothing():
    apart = {
        cell("JAX jit", EXAMPLE): {0: sampled(1.0), 1: sampled(1.0)},
        cell("JAX eager", EXAMPLE): {2: sampled(9.0), 3: sampled(9.0)},
    }
    assert one("jit is at least", apart).holds is None


@pytest.mark.parametrize("alone", ["JAX jit", "JAX eager", "PyTorch eager"])
def test_there_is_no_claim_on_what_was_not_timed(alone):
    says = [c.claim for c in found(workers(alone, sampled(1.0), sampled(1.0)))]
    assert says == [
        f"{alone}: time grows with the number of steps",
        f"{alone}: nothing is left to wait for",
    ]


def test_there_are_no_claims_on_controls():
    assert found(done({"JAX jit again": 1.0}, example=EXAMPLE)) == []


def test_there_are_no_claims_on_other_examples():
    assert found(done({"JAX jit": 1.0, "JAX eager": 1.0}, example="another")) == []


# --------------------------------------------------------------------------------- scan


@pytest.mark.parametrize(
    ("verdict", "holds"),
    [("FASTER", True), ("SAME", True), ("SLOWER", False), ("UNDECIDED", None)],
)
def test_scan_is_not_slower_than_jit(verdict, holds):
    rows = [
        ratio("JAX scan", "JAX eager", 9.0),
        ratio("JAX scan", "JAX jit", 0.9, verdict=verdict),
        ratio("JAX jit", "JAX eager", 9.0),
    ]
    claim = one("scan is not slower", {}, ratios=rows)
    assert claim.holds is holds
    assert claim.why == f"{verdict}: 0.9 of its time"


def test_scan_without_jit_claims_nothing():
    assert found({}, ratios=[ratio("JAX scan", "JAX eager", 9.0)]) == []


# ---------------------------------------------------------------- time is what is timed


def rows_of_steps(half: float, whole: float) -> Sampled:
    """Steps in a row, and half as many; seconds."""
    return with_samples(sampled(1e-3), half=[half], whole=[whole])


@pytest.mark.parametrize(
    ("wholes", "holds"),
    [
        ((0.020, 0.020, 0.020), True),
        ((0.019, 0.021, 0.020), True),
        ((0.010, 0.010, 0.010), False),  # nothing is waited for
        ((0.011, 0.012, 0.010), False),
        ((0.013, 0.020, 0.016), None),
        ((0.020,), True),  # of one block, its ratio
        ((0.010,), False),
    ],
)
def test_time_grows_with_steps(wholes, holds):
    """Half of the steps take 10 ms."""
    times = workers("JAX jit", *(rows_of_steps(0.010, whole) for whole in wholes))
    assert one("grows", times).holds is holds


@pytest.mark.parametrize(
    ("factor", "holds"),
    [(1.06, True), (GROWS, True), (2.0, True), (1.04, False), (1.0, False)],
)
def test_a_call_may_cost_more_than_its_steps(factor, holds):
    """Five per cent are the same time; all that is certain to be more has grown."""
    times = workers("JAX jit", *[rows_of_steps(1.0, factor)] * 2)
    assert one("grows", times).holds is holds


def test_each_mode_must_grow():
    """The one that does not wait is named."""
    times = done({"JAX jit": 1.0, "PyTorch eager": 1.0}, example=EXAMPLE)
    times |= workers("JAX scan", *[rows_of_steps(1.0, 1.0)] * 3)
    wrong = [claim for claim in found(times) if claim.holds is not True]
    assert [claim.claim for claim in wrong] == [
        "JAX scan: time grows with the number of steps"
    ]
    assert wrong[0].why == "twice the steps: 1 ×"


@pytest.mark.parametrize(
    ("lefts", "holds"),
    [
        ((0.0, 0.001), True),
        ((-0.01, -0.002), True),  # of two readings the second may take longer
        ((0.9, 0.95, 0.9), False),
        ((0.9, 0.001, 0.002), True),  # once disturbed
        ((NOTHING, NOTHING), False),
    ],
)
def test_nothing_is_left_to_wait_for(lefts, holds):
    some = [with_samples(sampled(1.0), left_over=[left]) for left in lefts]
    assert one("left to wait", workers("JAX jit", *some)).holds is holds


def test_the_reason_says_how_much_was_left():
    worker = with_samples(sampled(1.0), left_over=[0.1, 0.9, 0.25])
    assert one("left to wait", workers("JAX jit", worker)).why == "25.0% of the time"


# ---------------------------------------------------------------------------- same work


def counted(*, jax: float | None, torch: float | None, due=DUE):
    """The first worker of each was asked for its operations, the second was not."""
    times = {}
    for name, count in (("JAX jit", jax), ("PyTorch eager", torch)):
        told = {"written": count, "compiled": due} if count is not None else {}
        times |= workers(name, sampled(1.0, operations=told), sampled(1.0))
    return times


@pytest.mark.parametrize(
    ("jax", "torch", "holds"),
    [
        (DUE, DUE, True),
        (DUE, None, True),
        (DUE + 1, DUE, False),
        (DUE, DUE - 1, False),
        (2 * DUE, 2 * DUE, False),  # alike, and both wrong
    ],
)
def test_the_step_has_as_many_operations(jax, torch, holds):
    assert one("operations", counted(jax=jax, torch=torch)).holds is holds


def test_the_reason_has_all_counts():
    claim = one("operations", counted(jax=2_000.0, torch=1_000.0))
    assert claim.why == "1000 by the formula, jax 2000, torch 1000"


def test_a_wrong_count_is_not_covered_by_a_right_one():
    """Of two modes of a framework one alone may do other work."""
    for wrong, right in (("JAX jit", "JAX scan"), ("JAX scan", "JAX jit")):
        times = workers(wrong, sampled(1.0, operations={"written": DUE + 1}))
        times |= workers(right, sampled(1.0, operations={"written": DUE}))
        assert one("operations", times).holds is False


def test_without_a_count_nothing_is_claimed():
    says = [claim.claim for claim in found(counted(jax=None, torch=None))]
    assert not [claim for claim in says if "operations" in claim]


def test_a_sweep_counts_nothing():
    """Its batches are of other sizes than the formula's."""
    times = counted(jax=2 * DUE, torch=None)
    resized = {at._replace(batch=64): blocks for at, blocks in times.items()}
    assert not [c for c in found(resized) if "operations" in c.claim]


def test_the_formula_is_asked_for_the_first_batch():
    spec = replace(training(), work=lambda batch: 10.0 * float(batch["depth"]))
    prepared = Prepared({}, {}, Batches({}, {"depth": np.array([7, 8, 9])}))
    times = workers("JAX jit", sampled(1.0, operations={"written": 70.0}))
    told = claims(EXAMPLE, spec, prepared, done=times, found=[])
    assert [c.holds for c in told if "operations" in c.claim] == [True]
