"""Our own pairs as they are: both sides do the same, at every step of AdamW."""

import ast
import inspect
import sys

import numpy as np
import pytest
from support import ROOT, imports

from compare.fault import FRAMEWORKS
from compare.noise import LIMIT
from compare.pair.planted import cases
from compare.pair.planted.cases import CASES
from compare.plant import PACKAGE
from compare.result import PHASES

EVERY = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
BOTH = pytest.mark.parametrize("side", FRAMEWORKS)
WORLD = {"jax": {"jax", "flax", "optax"}, "torch": {"torch"}}
FUNCTIONS = ["build", "build_optimizer", "loss"]
STEPS = 20


def source(case, side: str) -> ast.Module:
    """The syntax tree of one side."""
    own = case.torch if side == "torch" else case.jax
    path = ROOT / PACKAGE[side] / "pairs" / f"{own}.py"
    return ast.parse(path.read_text(encoding="utf-8"))


# ------------------------------------------------------------------------- the sources


@BOTH
def test_every_file_is_in_a_case(side):
    files = {path.stem for path in (ROOT / PACKAGE[side] / "pairs").glob("*.py")}
    own = {case.torch if side == "torch" else case.jax for case in CASES}
    assert files - {"__init__"} == own


@BOTH
@EVERY
def test_a_side_is_short_and_imports_its_framework_alone(side, case):
    tree = source(case, side)
    found = imports(tree) - sys.stdlib_module_names
    assert found <= WORLD[side] | {"numpy", "jaxtyping"}
    assert found & WORLD[side]
    assert max(node.end_lineno for node in tree.body) <= 150
    text = ast.get_docstring(tree)
    assert "\nSource: " in text
    assert "\nShapes: " in text


@BOTH
@EVERY
def test_a_side_has_its_three_functions_last(side, case):
    public = [
        node.name
        for node in source(case, side).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    assert public[-3:] == FUNCTIONS


@EVERY
def test_sizes_are_the_same_and_none_is_like_another(case):
    one, other = (
        {
            name: parameter.default
            for name, parameter in inspect.signature(
                case.module(side).build
            ).parameters.items()
        }
        for side in FRAMEWORKS
    )
    assert one == other
    sizes = list(one.values())
    assert len(set(sizes)) == len(sizes)


@EVERY
def test_inputs_and_targets_are_the_seeds(case):
    for draw in (case.inputs, case.targets):
        first, again, other = (draw(np.random.default_rng(seed)) for seed in (3, 3, 4))
        for one, two in zip(first, again, strict=True):
            np.testing.assert_array_equal(one, two)
        assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_padding_leaves_some_of_every_sequence():
    _, padding = cases.BY_NAME["encoder"].inputs(np.random.default_rng(0))
    assert padding.any(1).all()
    assert not padding.all(1).any()


# -------------------------------------------------------------------------- the engine


@pytest.fixture(scope="module")
def reports():
    """Every pair, compared once."""
    return {}


@pytest.mark.slow
@EVERY
def test_a_pair_is_equal_in_outputs_gradients_and_optimizer_steps(reports, case):
    reports[case.name] = report = cases.compare(case, steps=STEPS)
    assert report.verdict == case.verdict, str(report)
    steps = {row.step for row in report.rows if isinstance(row.step, int)}
    assert steps == set(range(STEPS))
    phases = {row.phase for row in report.rows}
    assert {"parameters", "outputs", "loss", "gradients", "state", "update"} <= phases
    assert phases <= set(PHASES)
    scores = [
        row.score
        for row in report.rows
        if row.precision == "float64" and row.verdict == "rounding"
    ]
    assert max(scores) <= LIMIT


@pytest.mark.slow
def test_flaxs_own_attention_is_told_as_a_float32_softmax_with_its_line(reports):
    case = cases.BY_NAME["encoder_default"]
    report = reports.get(case.name) or cases.compare(case, steps=STEPS)
    assert report.verdict == "precision"
    told = [
        spot
        for spot in report.example.facts["spots"]
        if spot["operation"] == "softmax in float32"
    ]
    assert told
    assert {spot["side"] for spot in told} == {"jax"}
    assert any(".py:" in spot["where"] for spot in told)
