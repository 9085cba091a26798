"""One quick run of everything: what is in it, and that it is the same every time."""

import json

import msgspec
import psutil
import pytest
from support import LESSONS, NAMES, SIDES, SPECS, TRAININGS, failing, recorded, twin

from compare import result
from compare.fault import FRAMEWORKS
from compare.measure_lesson import functions
from compare.noise import LIMIT
from compare.result import PHASES

pytest_plugins = ("warm",)

EVERY = pytest.mark.parametrize("name", NAMES)
EVERY_TRAINING = pytest.mark.parametrize("name", TRAININGS)
EVERY_LESSON = pytest.mark.parametrize("name", LESSONS)

# Of 40 steps, four log-spaced ones (1, 3.42, 11.7, 40, rounded, less 1), and the
# spec's own.
SPACED = {0, 2, 11, 39}
PROBES = {"logits ±20", "logits ±40", "logits ±800"}
STEPS = dict.fromkeys(TRAININGS, SPACED) | {
    "dynamic_net": SPACED | {1, 3},
    "logistic_regression": SPACED | PROBES,
    "moons_mlp": SPACED | {1, 3, 4, 5} | PROBES,
    "moons_mlp_accumulated": SPACED | {1, 3, 4, 5} | PROBES,
}
MOONS = {"logistic_regression", "moons_mlp", "moons_mlp_accumulated"}
PREDICTED = {name: {"plane", "points"} for name in MOONS} | {
    "dynamic_net": {"depth 0", "depth 1", "depth 2", "depth 3"}
}
STATEFUL = {"two_layer_adam", "dynamic_net", "moons_mlp_accumulated"}
"""Trainings whose optimizer keeps something from one step to the next."""
STILL = {"two_layer_rebinding"}
"""Trainings that train nothing, which is what they show."""
MAPS = ("outputs", "loss", "gradients", "state", "update")


def phases_of(name: str) -> set[str]:
    """Phases that must have rows, and no others may."""
    spec = SPECS[name]
    if name in LESSONS:
        return {"outputs"} | ({"oracle"} if spec.expected else set())
    absent = set() if name in STATEFUL else {"state"}
    return {*PHASES} - absent - (set() if third_opinions(name) else {"oracle"})


def third_opinions(name: str) -> dict[str, set[str]]:
    """What stands behind the side in a row's quantity → the leaves it speaks of."""
    spec = SPECS[name]
    found = {f" in {s.example}": recorded(s.example) for s in spec.siblings}
    return found | ({"": recorded(name)} if spec.oracle else {})


@pytest.fixture
def example(whole, name):
    """One example of the run."""
    return next(example for example in whole.found.examples if example.name == name)


def variants(name: str) -> set[str]:
    """Second steps of an example, which differ by design and have rows of their own."""
    return {variant.function for variant in getattr(SPECS[name], "variants", ())}


# --------------------------------------------------------------------- what is found


@EVERY
def test_the_twins_agree(example, name):
    """`differs` exactly where a difference is documented, else `rounding`."""
    spec = SPECS[name]
    documented = getattr(spec, "differences", None) or getattr(spec, "variants", None)
    assert failing(example) == []
    assert example.verdict == ("differs" if documented else "rounding")
    assert example.kind == ("lesson" if name in LESSONS else "training")


@EVERY
def test_every_phase_that_there_is_has_rows(example, name):
    assert {row.phase for row in example.checks} == phases_of(name)


@EVERY
def test_scores_are_errors_in_floors(example):
    scored = [row for row in example.checks if row.score is not None]
    assert scored
    for row in scored:
        due = 0.0 if row.error == 0 else row.error / row.floor
        assert row.score == pytest.approx(due, rel=1e-15)  # one division, rounded
        if row.verdict in ("rounding", "differs") and row.precision == "float64":
            assert row.score <= LIMIT
        if row.verdict == "bitwise":
            assert row.error == 0


@EVERY
def test_only_exact_rows_are_without_a_score(example):
    """Hashes, bits, constants, kinds and printed digits have no floor."""
    exact = {row.phase for row in example.checks if row.score is None}
    assert exact <= {"data", "parameters", "outputs", "update", "trajectory", "oracle"}
    quantities = {
        row.quantity
        for row in example.checks
        if row.score is None and row.phase == "trajectory"
    }
    finite = {"finite in jax", "finite in torch"}
    assert quantities <= finite | {
        f"loss of {side} stands still" for side in FRAMEWORKS
    }


@EVERY_TRAINING
def test_every_checkpoint_has_every_leaf_in_both_precisions(example, name):
    spec, special = SPECS[name], variants(name)
    rows = [
        row
        for row in example.checks
        if row.quantity not in special and not row.quantity.endswith("stands still")
    ]
    for precision in ("float64", "float32"):
        mine = [row for row in rows if row.precision == precision]
        for phase in MAPS if name in STATEFUL else set(MAPS) - {"state"}:
            found = {(row.step, row.leaf) for row in mine if row.phase == phase}
            leaves = {""} if phase in ("outputs", "loss") else set(spec.parameters)
            assert found == {(s, leaf) for s in STEPS[name] for leaf in leaves}, phase
        predicted = {row.leaf for row in mine if row.phase == "predictions"}
        assert predicted == PREDICTED.get(name, {""})


@EVERY_TRAINING
def test_data_and_parameters_are_looked_at_on_every_side(example, name):
    spec = SPECS[name]
    received = {
        (row.quantity, row.precision) for row in example.checks if row.phase == "data"
    }
    assert received == {(f"received by {side}", p) for side, p in SIDES}
    rows = {
        (row.quantity, row.leaf, row.precision)
        for row in example.checks
        if row.phase == "parameters"
    }
    start = {
        (f"start of {side}", leaf, p) for side, p in SIDES for leaf in spec.parameters
    }
    constants = {
        (f"{kind} of {side}", constant, "float64")
        for side in FRAMEWORKS
        for kind in ("sizes", "hyperparameters")
        for constant in getattr(spec, kind)
    }
    assert rows == start | constants


@EVERY_TRAINING
def test_the_run_is_compared_step_by_step(example, name):
    spec = SPECS[name]
    rows = [row for row in example.checks if row.phase == "trajectory"]
    assert {row.leaf for row in rows if row.quantity == "parameters"} == set(
        spec.parameters
    )
    assert [row.precision for row in rows if row.quantity == "loss"] == ["float64"]
    finite = {row.quantity: row.step for row in rows if "finite" in row.quantity}
    assert finite == {"finite in jax": 39, "finite in torch": 39}
    assert 1 <= example.facts["horizon"] <= 20


@EVERY_TRAINING
def test_oracles_and_siblings_judge_both_sides(example, name):
    told = {(r.quantity, r.leaf) for r in example.checks if r.phase == "oracle"}
    due = set()
    for by, leaves in third_opinions(name).items():
        for side in FRAMEWORKS:
            due |= {(f"loss of {side}{by}", "")}
            due |= {(f"parameters of {side}{by}", leaf) for leaf in leaves}
    assert told == due


@EVERY_TRAINING
def test_what_must_stand_still_does_and_nothing_else(example, name):
    """The loss in both precisions, and the update of every leaf."""
    told = {
        (row.phase, row.quantity.removesuffix(" stands still"), row.leaf, row.precision)
        for row in example.checks
        if row.quantity.endswith(" stands still")
    }
    losses = {("trajectory", f"loss of {side}", "", p) for side, p in SIDES}
    updates = {
        ("update", f"update of {side}", leaf, "float64")
        for side in FRAMEWORKS
        for leaf in SPECS[name].parameters
    }
    assert told == (losses | updates if name in STILL else set())


@EVERY_LESSON
def test_every_function_of_a_lesson_is_compared(example, name):
    rows = [row for row in example.checks if row.phase == "outputs"]
    told = {
        row.quantity.removesuffix(" of jax").removesuffix(" of torch") for row in rows
    }
    assert told == set(functions(twin("jax", name)))
    third = {row.quantity for row in example.checks if row.phase == "oracle"}
    due = {expected.function for expected in SPECS[name].expected}
    assert third == {f"{function} of {side}" for function in due for side in FRAMEWORKS}


@EVERY_LESSON
def test_every_documented_difference_is_seen(example, name):
    differing = {
        row.quantity.removesuffix(" of jax").removesuffix(" of torch")
        for row in example.checks
        if row.verdict == "differs"
    }
    assert differing == set(SPECS[name].differences)


@EVERY_TRAINING
def test_a_variant_differs_in_its_updates(example, name):
    differing = {
        (row.phase, row.quantity) for row in example.checks if row.verdict == "differs"
    }
    assert differing == {("update", function) for function in variants(name)}


# -------------------------------------------------------------------------- run.json


def test_run_json_is_what_was_returned(whole):
    # As JSON, where a number that is not finite is null.
    read = result.read(whole.folder / "run.json")
    assert msgspec.json.encode(read) == msgspec.json.encode(whole.found)


def test_the_field_names_are_a_contract(whole):
    found = json.loads((whole.folder / "run.json").read_bytes())
    assert set(found) >= {"schema", "seed", "environment", "examples"}
    assert (found["schema"], found["seed"]) == (1, 0)
    assert [example["name"] for example in found["examples"]] == list(NAMES)
    columns = "phase quantity leaf step precision error floor score verdict why"
    for example in found["examples"]:
        assert set(example) >= {"name", "kind", "verdict", "seconds", "checks"}
        assert example["seconds"] > 0
        assert example["checks"]
        for row in example["checks"]:
            assert set(row) >= set(columns.split())
            assert row["phase"] in PHASES
            assert row["verdict"] in result.ORDER
            assert row["precision"] in ("float64", "float32")


@EVERY
def test_rows_are_in_the_order_of_phases(example):
    phases = [PHASES.index(row.phase) for row in example.checks]
    assert phases == sorted(phases)


def test_the_environment_is_told(whole):
    told = whole.found.environment
    assert set(told["workers"]) == {f"{side} {p}" for side, p in SIDES}
    assert told["packages"]["numpy"] != "not installed"
    assert told["settings"] == {
        "device": "cpu",
        "effort": {"copies": 2, "steps": 40, "float64_steps": 20, "checkpoints": 4},
    }
    assert {"date", "python", "platform", "processor", "cores", "memory"} <= set(told)


def test_cpu_seconds_are_told_by_what_they_went_into(whole):
    spent = whole.found.environment["cpu seconds"]
    assert list(spent) == ["imports", "compiling", "computing", "harness"]
    assert min(spent.values()) > 0


def test_cpu_seconds_add_up_to_all_that_the_workers_used(workers):
    def used() -> float:
        times = [psutil.Process(at.pid).cpu_times() for at in workers._workers.values()]
        return sum(each.user + each.system for each in times)

    workers.describe()  # all of them are there
    before, spent, after = used(), sum(workers.spent().values()), used()
    # The kernel tells user and system time rounded down to ticks of 1/100 s.
    assert before <= spent <= after + 2 * len(SIDES) / 100


@EVERY
def test_facts_of_every_example(example, name):
    assert set(example.facts["peak memory"]) == {f"{side} {p}" for side, p in SIDES}
    assert all(size > 50e6 for size in example.facts["peak memory"].values())
    if name in TRAININGS:
        metric = example.facts["metric"]
        assert set(metric) == set(FRAMEWORKS)
        assert {*metric["jax"]} == {*metric["torch"]} == {SPECS[name].metric_name}
