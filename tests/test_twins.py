"""The twins: the same functions in the same order, each readable alone."""

import ast
import inspect
import sys

import numpy as np
import pytest
from support import (
    LESSONS,
    NAMES,
    ROOT,
    SPECS,
    TRAININGS,
    imports,
    tree,
    twin,
    twin_path,
)

from compare.fault import FRAMEWORKS
from compare.plant import PACKAGE, PARTS

HARNESS = {"__init__", *PARTS["jax"]}
OF_PAIRS = {"side", "pairs"}
"""Folders of what checks a user's own pair of models: no twins."""
WORLD = {"jax": {"jax", "flax", "optax", "grain", "absl"}, "torch": {"torch"}}
ONLY_HERE = {
    (
        "jax",
        "moons_mlp_accumulated",
    ): {"Accumulated": "PyTorch keeps the sum in `.grad`; Optax needs a state for it"},
}
"""Public names that one twin has and the other does not, with the reason."""
ORDER = ("build", "build_optimizer", "loss", "train_step", "predict")
OF_THE_LIBRARY = {"two_layer_sequential", "two_layer_rebinding"}
"""Trainings whose model is neither a class of their own nor a dict: a Sequential."""
AT_MOST = 150
BOTH = pytest.mark.parametrize("framework", FRAMEWORKS)
EVERY = pytest.mark.parametrize("name", NAMES)
EVERY_TRAINING = pytest.mark.parametrize("name", TRAININGS)


def definitions(framework: str, name: str, kind: type) -> list:
    """Public functions or classes, in the order of the source."""
    mine = ONLY_HERE.get((framework, name), {})
    return [
        node
        for node in tree(framework, name).body
        if isinstance(node, kind)
        and not node.name.startswith("_")
        and node.name not in mine
    ]


def signature(function: ast.FunctionDef) -> list[tuple[str, str, str]]:
    """Name, kind and default of each argument; annotations differ by framework."""
    found = inspect.Signature.from_callable(_stub(function))
    return [(p.name, p.kind.name, repr(p.default)) for p in found.parameters.values()]


def _stub(function: ast.FunctionDef):
    """The same signature without annotations and body, so that nothing is imported."""
    bare = ast.parse(f"def {function.name}(): pass").body[0]
    bare.args = function.args
    for node in ast.walk(bare.args):
        if isinstance(node, ast.arg):
            node.annotation = None
    scope: dict = {}
    exec(compile(ast.unparse(bare), function.name, "exec"), scope)
    return scope[function.name]


# ------------------------------------------------------------------ files and names


@BOTH
def test_every_spec_has_a_twin_and_no_twin_is_without_a_spec(framework):
    folder = ROOT / PACKAGE[framework]
    found = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if path.parent.name not in OF_PAIRS
    }
    assert found - HARNESS == set(NAMES)


@EVERY
def test_functions_arguments_and_defaults_are_the_same(name):
    left, right = (
        [(f.name, signature(f)) for f in definitions(side, name, ast.FunctionDef)]
        for side in FRAMEWORKS
    )
    assert left == right
    assert left


@EVERY
def test_classes_are_the_same(name):
    left, right = (
        [node.name for node in definitions(side, name, ast.ClassDef)]
        for side in FRAMEWORKS
    )
    assert left == right


@pytest.mark.parametrize(("side", "name"), ONLY_HERE)
def test_an_exception_is_still_needed(side, name):
    theirs = next(framework for framework in FRAMEWORKS if framework != side)
    for only in ONLY_HERE[side, name]:
        assert hasattr(twin(side, name), only)
        assert not hasattr(twin(theirs, name), only)


@BOTH
@EVERY_TRAINING
def test_the_order_of_a_training_twin(framework, name):
    """Model, build, build_optimizer, loss, train_step, predict."""
    body = tree(framework, name).body
    places = {
        node.name: place
        for place, node in enumerate(body)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    assert sorted(ORDER, key=places.__getitem__) == list(ORDER)
    models = [
        node.name
        for node in definitions(framework, name, ast.ClassDef)
        if node.name not in ONLY_HERE.get((framework, name), {})
    ]
    by_hand = "loss_and_gradients" in places
    assert [bool(models), by_hand, name in OF_THE_LIBRARY].count(True) == 1
    assert all(places[model] < places["build"] for model in models)


# ---------------------------------------------------------------- readable, and alone


@BOTH
@EVERY
def test_everything_public_has_a_docstring(framework, name):
    module = tree(framework, name)
    assert ast.get_docstring(module)
    bare = [
        node.name
        for node in module.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert bare == []


@BOTH
@EVERY_TRAINING
def test_a_training_twin_is_short(framework, name):
    lines = twin_path(framework, name).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= AT_MOST


@BOTH
@EVERY_TRAINING
def test_a_training_twin_tells_its_source_and_its_shapes(framework, name):
    text = ast.get_docstring(tree(framework, name))
    assert "\nSource: " in text
    assert "\nShapes: " in text


@BOTH
@EVERY
def test_a_twin_imports_its_framework_and_nothing_of_ours(framework, name):
    found = imports(tree(framework, name)) - sys.stdlib_module_names
    assert found <= WORLD[framework] | {"numpy", "jaxtyping"}
    assert found & WORLD[framework]


@EVERY
def test_what_an_example_teaches_is_one_line(name):
    teaches = SPECS[name].teaches
    assert teaches
    assert teaches == teaches.strip()
    assert len(teaches.splitlines()) == 1
    assert len(teaches) <= 88


@BOTH
@EVERY_TRAINING
def test_the_spec_tells_the_twins_sizes_and_constants(framework, name):
    found = twin(framework, name)

    def keywords(*functions: str) -> dict:
        return {
            p.name: p.default
            for function in functions
            for p in inspect.signature(getattr(found, function)).parameters.values()
            if p.kind is p.KEYWORD_ONLY
        }

    assert keywords("build") == dict(SPECS[name].sizes)
    constants = keywords("build_optimizer", "train_step")
    assert constants == dict(SPECS[name].hyperparameters)
    assert constants


@BOTH
@pytest.mark.parametrize("name", LESSONS)
def test_a_lessons_arguments_are_all_given(framework, name):
    given = SPECS[name].inputs(np.random.default_rng(0))
    asked = {
        argument.arg
        for function in definitions(framework, name, ast.FunctionDef)
        for argument in function.args.args
    }
    assert asked == set(given)
