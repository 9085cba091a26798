"""An edit in a twin, in a spec, or in both at once is always seen, and where."""

from dataclasses import replace

import pytest
from support import SMALL, failing

from compare.fault import Edit
from compare.pool import Crashed
from compare.result import first_failure
from compare.run import Settings, judge, measure
from compare.specs import line_linear

pytest_plugins = ("warm",)

PART = 1 + 1e-9
DEFAULT = Edit("= 0.1\n", f"= 0.1 * {PART!r}\n")
CALL = Edit("optax.sgd(learning_rate)", f"optax.sgd(learning_rate * {PART!r})")
SAME = 0.1
OTHER = 0.1 * PART

# The edit of the JAX twin, the spec's learning rate, and whose constant is not the
# spec's, if anybody's.
EDITS = {
    "default of a twin": (DEFAULT, SAME, {"jax"}),
    "call in a twin": (CALL, SAME, set()),
    "default of a twin, and the spec": (DEFAULT, OTHER, {"torch"}),
    "call in a twin, and the spec": (CALL, OTHER, {"jax", "torch"}),
}


@pytest.fixture(scope="module")
def honest(workers):
    """One example as it is."""
    return measure(Settings(0, "cpu", SMALL, "r").task("line_linear"), workers)


@pytest.fixture(scope="module")
def edited(workers, honest):
    """The same with an edit of the JAX twin."""
    done = {}

    def edited(edit: Edit):
        if edit not in done:
            base = Settings(0, "cpu", SMALL, "r").task("line_linear")
            sides = [("jax", precision) for precision in ("float64", "float32")]
            found = measure(
                base, workers, edits={"jax": edit}, states=honest.states, sides=sides
            )
            theirs = [t for t in honest.traces if t.framework == "torch"]
            done[edit] = replace(honest, traces=(*found.traces, *theirs))
        return done[edit]

    return edited


def judged(measured, monkeypatch, learning_rate: float = SAME):
    """The example, judged by a spec with this learning rate."""
    constants = {"learning_rate": learning_rate}
    spec = replace(line_linear.SPEC, hyperparameters=constants)
    monkeypatch.setattr(line_linear, "SPEC", spec)
    base = Settings(0, "cpu", SMALL, "r").task("line_linear")
    return judge(measured, base, seconds=0.0)


def test_without_an_edit_nothing_fails(honest, monkeypatch):
    assert judged(honest, monkeypatch).verdict == "rounding"


def test_the_spec_alone_does_not_fit_either_twin(honest, monkeypatch):
    done = judged(honest, monkeypatch, OTHER)
    guilty = {(row.phase, row.quantity, row.leaf) for row in failing(done)}
    assert guilty == {
        ("parameters", f"hyperparameters of {side}", "learning_rate")
        for side in ("jax", "torch")
    }


@pytest.mark.parametrize("case", EDITS)
def test_one_part_in_a_billion_is_seen(edited, monkeypatch, case):
    """In the constants where they are wrong, and in any case in the updates."""
    edit, learning_rate, guilty = EDITS[case]
    done = judged(edited(edit), monkeypatch, learning_rate)
    assert done.verdict == "semantic"
    constants = {row.quantity for row in failing(done, "parameters")}
    assert constants == {f"hyperparameters of {side}" for side in guilty}
    assert first_failure(done.checks).phase == ("parameters" if guilty else "update")
    updates = failing(done, "update")
    assert {row.leaf for row in updates} == {"linear.weight", "linear.bias"}
    assert {row.step for row in updates} >= {0}
    assert all(isinstance(row.step, int) for row in updates)
    # The step is wrong by 1e-9 of itself, which is a tenth of the gradient.
    worst = max(updates, key=lambda row: row.score)
    assert worst.error == pytest.approx(1e-9 * abs(worst.torch), rel=1e-3)
    assert worst.index is not None
    assert "JAX has" in worst.why


def test_the_oracle_says_which_side_it_was(edited, monkeypatch):
    done = judged(edited(CALL), monkeypatch)
    oracle = {row.quantity for row in failing(done, "oracle")}
    assert oracle
    assert all(quantity.endswith(" of jax") for quantity in oracle)


def test_a_constant_says_both_values(edited, monkeypatch):
    done = judged(edited(DEFAULT), monkeypatch)
    (row,) = failing(done, "parameters")
    assert row.leaf == "learning_rate"
    assert row.why == f"twin (jax) has {OTHER!r}, spec has 0.1"
    assert row.error == pytest.approx(1e-10, rel=1e-6)


def test_the_same_edit_in_both_twins_is_seen_by_the_oracle(workers):
    """Both are wrong alike: no comparison between them can tell."""
    edits = {
        "jax": CALL,
        "torch": Edit("lr=learning_rate)", f"lr=learning_rate * {PART!r})"),
    }
    base = Settings(0, "cpu", SMALL, "r").task("line_linear")
    done = judge(measure(base, workers, edits=edits), base, seconds=0.0)
    assert {row.phase for row in failing(done)} == {"oracle"}


def test_two_twins_that_do_nothing_prove_nothing(workers):
    edits = {
        "jax": Edit("optax.sgd(learning_rate)", "optax.sgd(learning_rate * 0)"),
        "torch": Edit("lr=learning_rate)", "lr=learning_rate * 0)"),
    }
    base = Settings(0, "cpu", SMALL, "r").task("line_linear")
    done = judge(measure(base, workers, edits=edits), base, seconds=0.0)
    still = {(r.phase, r.quantity) for r in failing(done) if r.phase != "oracle"}
    sides = "jax", "torch"
    assert still == {
        *(("trajectory", f"loss of {side} moves") for side in sides),
        *(("update", f"update of {side} moves") for side in sides),
    }


def test_a_size_that_is_not_the_specs_names_the_leaf(workers):
    edit = Edit("hidden: int = 100", "hidden: int = 99")
    base = Settings(0, "cpu", SMALL, "r").task("two_layer_adam")
    sides = [("torch", "float64"), ("torch", "float32")]
    with pytest.raises(Crashed, match=r"leaf linear1.weight: .*\b99\b"):
        measure(base, workers, edits={"torch": edit}, sides=sides)
