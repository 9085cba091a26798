"""Trainings: oracles, and steps that differ by design."""

import numpy as np
import pytest
from training_traces import (
    LOSS,
    STEPS,
    check,
    failing,
    honest,
    training,
    with_horizon,
)

from compare.check import Incomparable
from compare.spec import Sibling, Variant
from compare.trace import Key

RUN = Key("trajectory", "parameters", "w")


# ---------------------------------------------------------------------------- oracle


def with_oracle(**values):
    """A spec whose oracle gives what the traces hold, but for `values`."""
    traces = honest()
    due = {"loss": LOSS, "parameters/w": RUN}
    held = {n: traces["jax", "float64"].arrays[key] for n, key in due.items()}
    return training(oracle=lambda prepared, steps: held | values)


def test_the_oracle_is_asked_of_each_side():
    rows = [row for row in check(honest(), with_oracle()) if row.phase == "oracle"]
    assert [(row.quantity, row.leaf, row.verdict) for row in rows] == [
        (f"{quantity} of {side}", leaf, "bitwise")
        for side in ("jax", "torch")
        for quantity, leaf in (("loss", ""), ("parameters", "w"))
    ]


def test_the_oracle_gets_what_was_drawn_and_the_number_of_steps():
    asked = []

    def oracle(prepared, steps):
        asked.append((prepared.parameters["b"].tolist(), steps))
        return {}

    check(honest(), training(oracle=oracle))
    assert asked == [([0.0, -0.7, 2.0], 4)]


def test_an_oracle_that_says_nothing_fails():
    (row,) = failing(check(honest(), training(oracle=lambda prepared, steps: {})))
    assert (row.phase, row.why) == ("oracle", "the oracle says nothing")


def test_both_frameworks_may_be_wrong_together():
    loss = honest()["jax", "float64"].arrays[LOSS].copy()
    loss[2] += 1e-9
    rows = check(honest(), with_oracle(loss=loss))
    assert [(row.quantity, row.step) for row in failing(rows)] == [
        ("loss of jax", 2),
        ("loss of torch", 2),
    ]
    first, second = failing(rows)
    held = honest()["jax", "float64"].arrays[LOSS][2]
    # A row holds a framework's number only under that framework's name.
    assert (first.jax, first.torch, first.index) == (held, None, [])
    assert (second.jax, second.torch) == (None, held)
    assert first.why.endswith(f"the oracle {loss[2].item()!r}")


def test_the_oracle_is_asked_up_to_the_horizon():
    loss = honest()["jax", "float64"].arrays[LOSS].copy()
    loss[2] += 1e-9
    spec = with_oracle(loss=loss)
    assert not failing(check(with_horizon(2), spec))
    assert failing(check(with_horizon(3), spec))


def test_the_floor_of_the_oracle_is_that_of_the_side():
    """Copies that moved, or a float32 run that is off: 2⁻²⁹ of its error."""
    loss = honest()["jax", "float64"].arrays[LOSS]
    spec = with_oracle(loss=loss + 2.0**-40)
    assert len(failing(check(honest(), spec))) == 2
    traces = honest()
    traces["jax", "float64"].sensitivity[LOSS] = np.full(STEPS, 2.0**-42)
    traces["torch", "float32"].arrays[LOSS] += np.float32(2.0**-13)
    assert not failing(check(traces, spec))


def test_an_oracle_for_what_was_not_recorded_is_an_error():
    spec = training(oracle=lambda prepared, steps: {"parameters/c": np.ones(STEPS)})
    with pytest.raises(Incomparable, match="jax recorded no parameters/c at every"):
        check(honest(), spec)


def test_one_framework_alone_has_its_oracle():
    traces = {side: t for side, t in honest().items() if side[0] == "torch"}
    loss = honest()["jax", "float64"].arrays[LOSS] + 1e-9
    (row,) = failing(check(traces, with_oracle(loss=loss)))
    assert (row.phase, row.quantity) == ("oracle", "loss of torch")


# -------------------------------------------------------------------------- siblings

SIBLING = Sibling("twin brother", lambda leaves: {"v": 2 * leaves["w"]})


def with_sibling(**spoilt):
    """Honest traces in which both sides have run a sibling whose v is twice the w."""
    traces = honest()
    for (side, precision), trace in traces.items():
        if precision == "float64":
            run = {"loss": trace.arrays[LOSS], "parameters/v": 2 * trace.arrays[RUN]}
            for name, value in (run | spoilt.get(side, {})).items():
                if value is not None:
                    trace.arrays[Key("sibling", "twin brother", name)] = value
    return traces


def of_siblings(traces):
    rows = check(traces, training(siblings=(SIBLING,)))
    return [row for row in rows if row.phase == "oracle"]


def test_a_sibling_takes_the_same_steps_on_each_side():
    assert [(r.quantity, r.leaf, r.verdict) for r in of_siblings(with_sibling())] == [
        (f"{quantity} of {side} in twin brother", leaf, "bitwise")
        for side in ("jax", "torch")
        for quantity, leaf in (("loss", ""), ("parameters", "v"))
    ]


@pytest.mark.parametrize("side", ["jax", "torch"])
@pytest.mark.parametrize("name", ["loss", "parameters/v"])
def test_a_sibling_that_goes_another_way_fails_on_its_side(side, name):
    run = with_sibling()[side, "float64"].arrays[Key("sibling", "twin brother", name)]
    astray = run.copy()
    astray[2] *= 1 + 1e-9
    (row,) = failing(of_siblings(with_sibling(**{side: {name: astray}})))
    assert row.quantity.endswith(f"of {side} in twin brother")
    assert row.step == 2
    assert "made up has" in row.why
    assert "twin brother" in row.why


@pytest.mark.parametrize("side", ["jax", "torch"])
def test_a_sibling_that_did_not_run_fails(side):
    (row,) = failing(of_siblings(with_sibling(**{side: {"parameters/v": None}})))
    assert row.why == "expected shape (4, 2, 3), twin brother recorded nothing"


def test_a_sibling_of_another_length_fails():
    traces = with_sibling(jax={"loss": np.ones(STEPS + 1)})
    (row,) = failing(of_siblings(traces))
    assert row.why == "expected shape (4,), twin brother recorded shape (5,)"


# -------------------------------------------------------------------------- variants

VARIANT = Variant("step_default", "by design", lambda before, batch, jax: jax)
DUE, OWN = (
    Key(phase, "step_default", "parameters/w", 3) for phase in ("update", "own")
)


def with_variant(jax_due, jax_own, torch):
    traces = honest()
    for side, due, own in (("jax", jax_due, jax_own), ("torch", torch, torch)):
        trace = traces[side, "float64"]
        for key, value in ((DUE, due), (OWN, own)):
            trace.arrays[key] = np.full(3, value)
            trace.sensitivity[key] = np.zeros(())
    return traces


GONE = "the documented difference is gone: by design"


@pytest.mark.parametrize(
    ("due", "own", "torch", "verdicts", "whys"),
    [
        (1.0, 2.0, 1.0, ["differs"], ["by design"]),
        (1.0, 2.0, 1.0 - 2.0**-50, ["differs"], ["by design"]),
        (1.0, 1.0, 1.0, ["differs", "semantic"], ["by design", GONE]),
        (1.0, 2.0, 2.0, ["semantic"] * 2, ["JAX has 1.0, PyTorch 2.0 at [0]", GONE]),
        (1.0, 2.0, 3.0, ["semantic"], ["JAX has 1.0, PyTorch 3.0 at [0]"]),
    ],
)
def test_a_documented_difference_of_a_step(due, own, torch, verdicts, whys):
    spec = training(variants=(VARIANT,))
    rows = check(with_variant(due, own, torch), spec)
    rows = [row for row in rows if row.quantity == "step_default"]
    assert [row.verdict for row in rows] == verdicts
    assert [row.why for row in rows] == whys
    assert {row.phase for row in rows} == {"update"}


@pytest.mark.parametrize(
    "key", [Key("loss", "loss", "", 3), Key("state", "momentum", "w", 3)]
)
def test_the_name_of_a_variant_hides_nothing_but_its_own_updates(key):
    traces = honest()
    arrays = traces["torch", "float64"].arrays
    arrays[key] = np.asarray(1.1 * arrays[key])
    variant = Variant(key.quantity, "by design", lambda before, batch, jax: jax)
    rows = failing(check(traces, training(variants=(variant,))))
    assert key in [Key(r.phase, r.quantity, r.leaf, r.step) for r in rows]


def test_a_variant_that_no_trace_holds_is_gone():
    (row,) = failing(check(honest(), training(variants=(VARIANT,))))
    assert (row.quantity, row.why) == ("step_default", GONE)


def test_a_leaf_of_a_variant_that_one_side_lacks_fails():
    traces = with_variant(1.0, 2.0, 1.0)
    del traces["torch", "float64"].arrays[DUE]
    (row,) = failing(check(traces, training(variants=(VARIANT,))))
    assert row.why.startswith("torch has no update step_default parameters/w")
