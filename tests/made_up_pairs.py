"""Made-up pairs: what a user's own models leave in a run, for any report."""

from typing import Any

from compare.result import Example, Row

WEIGHTS = [
    {
        "torch": "linear1.weight",
        "jax": "linear1/kernel",
        "torch_shape": [16, 8],
        "jax_shape": [8, 16],
        "transform": "transposed",
        "note": "",
    },
    {
        "torch": "norm.weight",
        "jax": "norm/scale",
        "torch_shape": [16],
        "jax_shape": [16],
        "transform": "as it is",
        "note": "drawn at random: it was all 1",
    },
]
LAYERS = [
    {
        "torch": "linear1",
        "jax": "linear1",
        "torch_type": "Linear",
        "jax_type": "Linear",
        "call": 0,
        "input_score": 0.0,
        "own_score": 0.4,
        "inherited_score": 0.4,
        "gradient_score": 5.1e9,
        "verdict": "rounding",
    },
    {
        "torch": "norm",
        "jax": "norm",
        "torch_type": "LayerNorm",
        "jax_type": "LayerNorm",
        "call": 0,
        "input_score": 0.4,
        "own_score": 3.2e10,
        "inherited_score": 3.2e10,
        "gradient_score": "inf",
        "verdict": "semantic",
    },
    {
        "torch": "linear2",
        "jax": "linear2",
        "torch_type": "Linear",
        "jax_type": "Linear",
        "call": 0,
        "input_score": 3.2e10,
        "own_score": 0.6,
        "inherited_score": 8e9,
        "gradient_score": None,
        "verdict": "rounding",
    },
]
PASSES: dict[str, Any] = {
    "models": {"torch": "Block", "jax": "Block (nnx)"},
    "copied": "PyTorch → JAX",
    "mode": ["eval", "train"],
    "dropout": "masks injected: 2 calls",
    "weights": WEIGHTS,
    "notes": ["norm.weight: all 1, drawn at random for the check"],
    "layers": [],
    "blamed": None,
    "causes": [],
    "spots": [
        {
            "side": "jax",
            "operation": "convert_element_type float64→float32",
            "where": "port.py:12 (attend)",
            "phases": ["outputs", "gradients"],
        }
    ],
    "warnings": ["a batch of 1 cannot show what BatchNorm does with a batch"],
}
FAILS = PASSES | {
    "layers": LAYERS,
    "blamed": {
        "layer": "norm",
        "jax": "norm",
        "where": "the layer itself",
        "says": "LayerNorm norm gives other outputs for the same inputs",
    },
    "causes": [
        {
            "layer": "norm",
            "name": "eps",
            "says": "eps is 1e-05 in PyTorch and 1e-06 in JAX",
            "before": 3.2e10,
            "after": 0.4,
        },
        {"layer": "", "name": "none", "says": "", "before": "inf", "after": None},
    ],
}
ODD: tuple[Any, ...] = (
    {},
    dict.fromkeys(FAILS),
    dict.fromkeys(FAILS, 7),
    dict.fromkeys(FAILS, "text"),
    {name: [[], {}, None, 1e308, {"torch": [{}], "own_score": "x"}] for name in FAILS},
    {"blamed": {"layer": [1]}, "models": {"torch": {}}, "dropout": ["a", 1]},
)
"""Facts as other hands may have written them."""


def row(phase: str, leaf: str, step: Any = "eval", **changes: Any) -> Row:
    """A row that passed, but for what is given."""
    given: dict[str, Any] = {
        "phase": phase,
        "quantity": {"gradients": "gradient", "outputs": "output"}.get(phase, phase),
        "leaf": leaf,
        "step": step,
        "precision": "float64",
        "error": 2e-17,
        "floor": 1e-16,
        "score": 0.2,
        "verdict": "rounding",
    }
    return Row(**given | changes)


def passing(name: str = "tests/test_port.py::test_block") -> Example:
    """Rows of all phases of a pair, in both precisions."""
    rows = [
        row(phase, leaf, step, precision=precision)
        for phase in ("parameters", "outputs", "loss", "gradients", "state", "update")
        for leaf in ("linear1.weight", "norm.weight")
        for step in ("eval", "train", 0, 1)
        for precision in ("float64", "float32")
    ]
    return Example(name, "pair", "rounding", 2.5, rows, PASSES)


def failing(name: str = "port.py::torch_model", **facts: Any) -> Example:
    """Outputs differ, and what comes after them."""
    wrong = {"error": 1e-6, "score": 1e10, "verdict": "semantic", "index": [0, 3]}
    rows = [
        row("outputs", "", jax=0.5, torch=0.500001, **wrong),
        row("gradients", "norm.weight", "train", **wrong),
        row("gradients", "linear1.weight", "train"),
    ]
    return Example(name, "pair", "semantic", 2.5, rows, FAILS | facts)


def hostile(name: str) -> Example:
    """The name wherever a pair has text."""
    facts: dict[str, Any] = {
        fact: [name] for fact in ("notes", "warnings", "mode", "dropout")
    }
    for fact in ("weights", "layers", "causes", "spots"):
        first = FAILS[fact][0] if fact != "spots" else PASSES["spots"][0]
        facts[fact] = [{name: name} | dict.fromkeys(first, name)]
    facts |= {"blamed": dict.fromkeys(FAILS["blamed"], name), "copied": name}
    facts |= {"models": {"torch": name, "jax": name}, name: name}
    return failing(f"pair {name}", **facts)


def odd(number: int) -> Example:
    """A failing pair with facts that nobody expects."""
    return Example(f"odd {number}", "pair", "crashed", 0.0, [], ODD[number])
