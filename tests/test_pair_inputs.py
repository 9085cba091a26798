"""What a pair is fed, how it is laid out, which output is which, what is too poor."""

import numpy as np
import pytest

from compare.pair import adequacy, inputs, layout, outputs
from compare.pair.weights.parts import Module
from compare.pair.wrong import Wrong

FLOATS = np.linspace(-1.0, 1.0, 12).reshape(3, 4)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (FLOATS, ["0"]),
        ((FLOATS, np.arange(3)), ["0", "1"]),
        ({"x": FLOATS, "mask": np.ones(3, bool)}, ["x", "mask"]),
        (lambda rng: (rng.random((3, 4)), rng.integers(0, 9, 3)), ["0", "1"]),
    ],
)
def test_inputs_have_names(given, names):
    drawn = inputs.draw(given, seed=1, purpose="test")
    assert list(drawn) == names


def test_numbers_are_exact_in_both_precisions():
    drawn = inputs.draw(FLOATS / 3, seed=1, purpose="test")["0"]
    assert drawn.dtype == np.float64
    assert np.array_equal(drawn, drawn.astype(np.float32))
    assert not np.array_equal(drawn, FLOATS / 3)


def test_a_function_draws_what_its_purpose_says():
    def draw(rng):
        return rng.random(3)

    first, again, other = (
        inputs.draw(draw, seed=1, purpose=purpose)["0"] for purpose in ("a", "a", "b")
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((), "at least one array"),
        ((np.array(["a"]),), r"inputs\[0\]: expected numbers or booleans"),
        ((np.array([1j]),), "complex"),
        ({"x": object()}, r"inputs\['x'\]"),
    ],
)
def test_inputs_that_are_none(given, says):
    with pytest.raises(Wrong, match=says):
        inputs.draw(given, seed=0, purpose="test")


IMAGES = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)


@pytest.mark.parametrize(
    ("said", "shape"),
    [
        (None, (2, 3, 4, 5)),
        (("NCHW", "NHWC"), (2, 4, 5, 3)),
        ({"inputs": ("NCHW", "HWNC")}, (4, 5, 2, 3)),
        ({"inputs.0": ("NCHW", "NHWC"), "inputs": ("NCHW", "CHWN")}, (2, 4, 5, 3)),
        ({"outputs": ("NCHW", "NHWC")}, (2, 3, 4, 5)),
    ],
)
def test_axes_turn_and_turn_back(said, shape):
    parsed = layout.parse(said)
    turned = parsed.to_jax("inputs", {"0": IMAGES})
    assert turned["0"].shape == shape
    assert np.array_equal(parsed.to_torch("inputs", turned)["0"], IMAGES)


@pytest.mark.parametrize(
    "said",
    [("NCHW",), ("NCHW", "NHW"), ("NCCW", "NCCW"), {"weights": ("AB", "BA")}, (1, 2)],
)
def test_layouts_that_are_none(said):
    with pytest.raises(Wrong, match="layout: expected"):
        layout.parse(said)


def test_a_layout_that_was_said_comes_first_inside_of_the_models():
    square = (2, 3, 3, 3)
    assert layout.parse(("NCHW", "NHWC")).fits(square, square) == (0, 2, 3, 1)
    assert layout.parse(None).fits(square, square) == (0, 1, 2, 3)
    with pytest.raises(ValueError, match=r"\(2, 3\) in PyTorch and \(2, 5\) in JAX"):
        layout.parse(None).fits((2, 3), (2, 5))


@pytest.mark.parametrize(
    ("torch", "jax", "pairs"),
    [
        ([""], [""], {"": ""}),
        (["a", "b"], ["b", "a"], {"b": "b", "a": "a"}),
        (["logits", "hidden"], ["0", "1"], {"0": "logits", "1": "hidden"}),
        (["logits"], [""], {"": "logits"}),
    ],
)
def test_outputs_find_their_partners(torch, jax, pairs):
    first, second = (dict.fromkeys(names, FLOATS) for names in (torch, jax))
    assert outputs.paired(first, second) == pairs


@pytest.mark.parametrize(
    ("torch", "jax", "says"),
    [
        (["a", "b"], ["a"], "PyTorch's b"),
        (["a"], ["b"], "JAX's b"),
        (["0", "1", "2"], ["0", "1"], r"PyTorch's 2 \(3, 4\)"),
        ([], ["0"], "no arrays"),
    ],
)
def test_outputs_without_a_partner_are_told(torch, jax, says):
    first, second = (dict.fromkeys(names, FLOATS) for names in (torch, jax))
    with pytest.raises(Wrong, match=says):
        outputs.paired(first, second)


NORM = [Module("", "Net"), Module("norm", "BatchNorm2d")]
ATTENTION = [Module("", "Net"), Module("attention", "MultiheadAttention")]
RANDOM = np.random.default_rng(0).random((3, 9, 4))


@pytest.mark.parametrize(
    ("given", "modules", "says"),
    [
        (np.zeros((3, 4)), [], "all zero"),
        (np.full((3, 4), 2.0), [], "constant"),
        (np.zeros((3, 4), int), [], "one row of an embedding"),
        (np.zeros((3, 4), bool), [], "False everywhere"),
        (np.ones((3, 4), bool), [], "True everywhere"),
        (np.repeat(RANDOM[:1], 3, 0), [], "every example is the same"),
        (RANDOM[:1], NORM, "batch normalisation"),
        (RANDOM[:1], [], "a mean for a sum"),
        (RANDOM[:, :5], ATTENTION, "use at least 8"),
    ],
)
def test_inputs_that_are_too_poor(given, modules, says):
    told = list(adequacy.warnings({"x": given}, modules))
    assert len(told) == 1
    assert says in told[0]


@pytest.mark.parametrize("modules", [[], NORM, ATTENTION])
def test_inputs_that_show_enough(modules):
    assert not list(adequacy.warnings({"x": RANDOM}, modules))
