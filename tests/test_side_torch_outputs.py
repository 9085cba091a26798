"""The PyTorch side of a pair: outputs of any nesting, by name, and put back."""

from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import Any

import pytest
import torch
from torch.nn.utils import rnn

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
