"""Cross entropy of logits, whole and in the steps that it is made of.

The steps (exponentials, normalised, their negative logarithms, times the target,
summed) show what the loss means. Libraries take another way to the same number,
log Σ exp x with the largest logit taken out, because the steps overflow: the logits of
`large` lie around ±1000. Both frameworks fail alike there, and are right alike when
they take the other way.

Notebook: "PyTorch", Cross entropy loss function.

Equation:
    H(t, x) = -Σ t log p,   p = exp x / Σ exp x
    log Σ exp x = m + log Σ exp(x - m),   m = max x
    ∂H/∂x = p - t,   as long as Σ t = 1

Differs: in how the library is asked. PyTorch has one function, which takes classes or
probabilities and returns the mean over the examples unless told otherwise; Optax has
one for each, and leaves every example its loss. The numbers do not differ.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.random import Generator

from compare.fault import Edit, Fault
from compare.spec import Arrays, Expected, Lesson

Inputs = Mapping[str, Any]
NOTEBOOK = "the notebook's printed digits: a good prediction, a bad one"


def inputs(rng: Generator) -> dict[str, Any]:
    """Logits of a good and a bad prediction of class 2, and logits that overflow."""
    # Through float32, like the notebook's: exp 3.1 prints as 22.1979, else as 22.1980.
    logits = np.array([[0.2, 0.5, 3.1, -0.1], [2.0, 2.5, 1.1, -0.5]], np.float32)
    return {
        "logits": logits.astype(np.float64),
        "target": np.array([[0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0]]),
        "labels": np.array([2, 2]),
        "large": np.array([[1000.0], [-1000.0]]) + rng.uniform(-2.0, 2.0, (2, 4)),
    }


def _printed(function: str, value: list[Any]) -> Expected:
    """What the notebook prints, to four decimals."""
    return Expected(function, lambda inputs: {"": np.array(value)}, NOTEBOOK, 4)


def _computed(function: str, value: Callable[[Inputs], Any]) -> Expected:
    """What SciPy computes, whose log-sum-exp takes the largest logit out too."""

    def leaves(inputs: Inputs) -> Arrays:
        return {"": np.asarray(value(inputs))}

    return Expected(function, leaves, "SciPy, float64")


def _special() -> Any:
    """Imported when it is asked for: `twinnets list` must not wait for it."""
    return import_module("scipy.special")


def _whole(logits: np.ndarray) -> np.ndarray:
    """Minus the logarithm of the probability of class 2."""
    return -_special().log_softmax(logits, axis=1)[:, 2]


def _log_sum_exp(inputs: Inputs) -> np.ndarray:
    return _special().logsumexp(inputs["large"], axis=1)


def _gradient(inputs: Inputs) -> np.ndarray:
    """Softmax less the target."""
    return _special().softmax(inputs["logits"], axis=1) - inputs["target"]


EXPECTED = (
    _printed("whole", [0.1571, 2.0434]),
    _printed("whole_from_labels", [0.1571, 2.0434]),
    _printed(
        "exponentials",
        [[1.2214, 1.6487, 22.1979, 0.9048], [7.3891, 12.1825, 3.0042, 0.6065]],
    ),
    _printed(
        "normalised",
        [[0.0470, 0.0635, 0.8547, 0.0348], [0.3187, 0.5255, 0.1296, 0.0262]],
    ),
    _printed(
        "negative_logarithms",
        [[3.0571, 2.7571, 0.1571, 3.3571], [1.1434, 0.6434, 2.0434, 3.6434]],
    ),
    _printed("times_target", [[0, 0, 0.1571, 0], [0, 0, 2.0434, 0]]),
    _printed("summed", [0.1571, 2.0434]),
    _computed("whole", lambda inputs: _whole(inputs["logits"])),
    _computed("summed", lambda inputs: _whole(inputs["logits"])),
    _computed("whole_by_hand", lambda inputs: _whole(inputs["logits"])),
    _computed("mean_over_examples", lambda inputs: _whole(inputs["logits"]).mean()),
    _computed("log_sum_exp", _log_sum_exp),
    _computed("log_sum_exp_by_hand", _log_sum_exp),
    _computed("whole_large", lambda inputs: _whole(inputs["large"])),
    _computed("whole_large_by_hand", lambda inputs: _whole(inputs["large"])),
    _computed("gradient", _gradient),
    _computed("gradient_of_steps", _gradient),
    _computed("gradient_by_hand", _gradient),
)

FAULTS = (
    Fault(
        "largest logit not taken out",
        "torch",
        "outputs",
        Edit(
            "largest = large.amax(dim=-1, keepdim=True)", "largest = 0 * large[:, :1]"
        ),
    ),
    Fault(
        "logarithm to base two",
        "jax",
        "outputs",
        Edit(
            "return -jnp.log(normalised(logits))",
            "return -jnp.log2(normalised(logits))",
        ),
    ),
)

SPEC = Lesson(
    teaches="cross entropy step by step, and why libraries do not take these steps",
    inputs=inputs,
    discrete=frozenset({"target"}),
    expected=EXPECTED,
    faults=FAULTS,
)
