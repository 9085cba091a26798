"""The PyTorch side of a pair: outputs of any nesting, by name, and put back."""

import math
from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import rnn

from torchnets.side import runtime
from torchnets.side.parts import Pull
from torchnets.side.trees import flatten, replaced


@dataclass
class ModelOutput(OrderedDict):
    """As Hugging Face's: a dataclass that is a dict of what is not None."""

    logits: Any = None
    loss: Any = None
    hidden: Any = None

    def __post_init__(self):
        for one in fields(self):
            if getattr(self, one.name) is not None:
                self[one.name] = getattr(self, one.name)


def test_a_dataclass_that_is_a_dict_is_named_by_field_and_put_back_whole():
    output = ModelOutput(torch.ones(2), hidden=(torch.zeros(1), torch.arange(2)))
    assert list(flatten(output)) == ["logits", "hidden.0", "hidden.1"]
    made = replaced(output, lambda tensor: tensor + 1)
    assert type(made) is ModelOutput
    assert made.loss is None
    for value in (made.logits, made["logits"]):
        torch.testing.assert_close(value, torch.full((2,), 2.0), rtol=0, atol=0)
    assert made["hidden"][0].item() == made.hidden[0].item() == 1
    assert output.logits.tolist() == [1, 1]
    assert replaced(output, lambda tensor: tensor) is output


class DynamicCache:
    """As Hugging Face's: keys and values of earlier tokens, no container."""


def test_a_cache_is_refused_with_the_field_and_how_to_switch_it_off():
    output = {"logits": torch.ones(2), "past_key_values": DynamicCache()}
    with pytest.raises(TypeError, match=r"'past_key_values'.*Cache.*use_cache=False"):
        flatten(output)
    with pytest.raises(TypeError, match="got object; return what is to be compared"):
        flatten(object())


def test_what_holds_no_tensors_is_dropped():
    found = flatten({"a": torch.ones(2), "b": None, "c": "text", "d": (), "e": b"x"})
    assert list(found) == ["a"]


def turned(x):
    """Rotated by 0.3 in the complex plane, alone and beside another output."""
    y = torch.polar(x, torch.full_like(x, 0.3))
    return {"turned": y, "size": y.abs()}


def test_a_complex_output_is_two_real_ones_with_gradients():
    """Re(x e^0.3i) and Im(x e^0.3i) for x > 0, whose slopes are cos 0.3 and sin 0.3."""
    x, ones = np.array([0.5, 2.0]), np.ones(2)
    cotangents = {"turned.real": ones, "turned.imag": 2 * ones}
    pull = Pull(cotangents=cotangents)
    with runtime.session("float64"):
        subject = runtime.open_model(turned)
        found = runtime.evaluate(subject, {}, {"0": x}, train=True, pull=pull)
    assert list(found.outputs) == ["turned.real", "turned.imag", "size"]
    cosine, sine = math.cos(0.3), math.sin(0.3)
    np.testing.assert_allclose(found.outputs["turned.real"], x * cosine, rtol=1e-15)
    np.testing.assert_allclose(found.outputs["turned.imag"], x * sine, rtol=1e-15)
    slopes = ones * (cosine + 2 * sine)
    np.testing.assert_allclose(found.inputs["0"], slopes, rtol=1e-15)
    assert list(flatten(torch.ones(2, dtype=torch.complex64))) == ["real", "imag"]


@pytest.mark.parametrize(
    "value",
    [
        torch.ones(3, 2).max(0),
        [torch.ones(2), {"a": (torch.ones(1),)}],
        rnn.pack_padded_sequence(torch.ones(3, 2, 1), [3, 2]),
        OrderedDict(b=torch.ones(1), a=None),
    ],
    ids=["return type", "list", "packed", "dict"],
)
def test_a_structure_put_back_has_its_type_and_new_numbers(value):
    made = replaced(value, lambda tensor: tensor * 3)
    assert type(made) is type(value)
    before, after = flatten(value), flatten(made)
    assert before.keys() == after.keys()
    for name, old in before.items():
        factor = 3 if old.is_floating_point() else 1
        torch.testing.assert_close(after[name], old * factor, rtol=0, atol=0)
