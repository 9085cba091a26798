"""The script of the smallest failing layer: readable, and it runs on its own."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

from compare.pair import repro
from compare.pair.report import Failing
from compare.pair.repro_sources import constructor

USERS = """
import jax
import torch
from flax import nnx


class Scaled(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = torch.nn.Linear(width, width)

    def forward(self, x):
        return {{"out": 2.0 * self.inner(x)}}


class ScaledToo(nnx.Module):
    def __init__(self, width, rngs):
        self.inner = nnx.Linear(width, width, rngs=rngs)

    def __call__(self, x):
        return {{"out": {factor} * self.inner(x)}}
"""


def ones(key, shape, dtype):
    """A user's own initializer, which is no matter once the weights are loaded."""
    return jnp.ones(shape, dtype)


def failing(torch_layer, jax_layer, *inputs: np.ndarray, weights_jax, turn=None):
    """What a comparison would have recorded of these two layers."""
    with jax.enable_x64(True):
        jax_inputs = [turn(each) if turn else each for each in inputs]
        graph, state = nnx.split(jax_layer)
        flat = {
            path: leaf.replace(jnp.asarray(weights_jax["/".join(map(str, path))]))
            for path, leaf in nnx.to_flat_state(state)
        }
        double = nnx.merge(graph, nnx.from_flat_state(flat))
        found = double(*map(jnp.asarray, jax_inputs))
        jax_outputs = [np.asarray(each) for each in jax.tree.leaves(found)]
    weights = {
        name: value.double().numpy() for name, value in torch_layer.state_dict().items()
    }
    found = torch_layer.double()(*map(torch.from_numpy, inputs))
    torch_outputs = [each.detach().numpy() for each in jax.tree.leaves(found)]
    return Failing(
        torch=torch_layer,
        jax=jax_layer,
        torch_path="block.norm",
        jax_path="block/norm",
        inputs=inputs,
        jax_inputs=tuple(jax_inputs),
        torch_outputs=tuple(torch_outputs),
        jax_outputs=tuple(jax_outputs),
        weights_torch=weights,
        weights_jax=weights_jax,
    )


def norms(epsilon: float) -> Failing:
    rng = np.random.default_rng(0)
    own = {"scale": rng.standard_normal(6), "bias": rng.standard_normal(6)}
    layer = torch.nn.LayerNorm(6)
    layer.load_state_dict(
        {n: torch.tensor(own[m]) for n, m in (("weight", "scale"), ("bias", "bias"))}
    )
    layer = layer.double()
    layer.load_state_dict(
        {n: torch.tensor(own[m]) for n, m in (("weight", "scale"), ("bias", "bias"))}
    )
    theirs = nnx.LayerNorm(6, epsilon=epsilon, rngs=nnx.Rngs(0))
    return failing(layer, theirs, rng.standard_normal((4, 6)), weights_jax=own)


def users(folder: Path, factor: float) -> Failing:
    """Two classes of a file of the user's."""
    (folder / "port_of_mine.py").write_text(USERS.format(factor=factor))
    sys.path.insert(0, str(folder))
    try:
        import port_of_mine as port
    finally:
        sys.path.remove(str(folder))
    rng = np.random.default_rng(0)
    layer = port.Scaled(3).double()
    weight = layer.inner.weight.detach().numpy()
    own = {
        "inner/kernel": weight.T.copy(),
        "inner/bias": layer.inner.bias.detach().numpy(),
    }
    theirs = port.ScaledToo(3, nnx.Rngs(0))
    return failing(layer, theirs, rng.standard_normal((2, 3)), weights_jax=own)


def run(path: Path):
    """The script, as a user would."""
    return subprocess.run(
        [sys.executable, str(path)],
        cwd=path.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "repro.py"


def test_library_layers_are_written_by_their_constructors(path):
    """The difference that is recorded is the difference that it prints."""
    found = norms(1e-6)
    repro.write(found, path)
    source = path.read_text()
    assert "torch_layer = torch.nn.LayerNorm((6,), eps=1e-05)" in source
    assert "jax_layer = nnx.LayerNorm(6, epsilon=1e-06, rngs=nnx.Rngs(0))" in source
    assert "pickle" not in source
    assert "twinnets" not in source and "compare" not in source
    assert "PyTorch's block.norm and JAX's block/norm" in source
    done = run(path)
    assert done.returncode == 1, done.stderr
    expected = np.abs(found.torch_outputs[0] - found.jax_outputs[0]).max()
    assert f"largest difference {expected:.3g} of" in done.stdout
    assert "they differ" in done.stdout
    path.write_text(source.replace("epsilon=1e-06", "epsilon=1e-05"))
    done = run(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "they do not differ" in done.stdout


def test_classes_of_a_user_come_from_their_file(path, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.delitem(sys.modules, "port_of_mine", raising=False)
    repro.write(users(folder, 2.5), path)
    source = path.read_text()
    assert source.count("pickle.loads") == 2
    assert str(folder) in source
    done = run(path)
    assert done.returncode == 1, done.stderr
    assert "they differ" in done.stdout
    port = folder / "port_of_mine.py"
    port.write_text(port.read_text().replace("2.5", "2.0"))
    assert run(path).returncode == 0


@pytest.mark.parametrize("size", [4, 3], ids=["other sizes", "all sizes alike"])
def test_channels_are_put_where_pytorch_has_them(path, size):
    numbers = np.random.default_rng(0).standard_normal((3, 3, size, size))
    last = np.moveaxis(numbers, 1, -1)
    made = Failing(
        torch=None,
        jax=None,
        torch_path="conv",
        jax_path="conv",
        inputs=(),
        jax_inputs=(),
        torch_outputs=(numbers,),
        jax_outputs=(last,),
        weights_torch={},
        weights_jax={},
    )
    repro.write(made, path)
    assert run(path).returncode == 0
    repro.write(replace(made, jax_outputs=(last + 0.125,)), path)
    done = run(path)
    assert done.returncode == 1
    assert "largest difference 0.125 of" in done.stdout


def test_what_cannot_be_rebuilt_stands_as_it_was_recorded(path):
    """A class inside of a function has no name to be found by; a function no state."""

    class Local(torch.nn.Module):
        def forward(self, x):
            return x + 1

    numbers = np.arange(6.0).reshape(2, 3)
    made = Failing(
        torch=Local(),
        jax=None,
        torch_path="",
        jax_path="",
        inputs=(numbers,),
        jax_inputs=(numbers,),
        torch_outputs=(numbers + 1,),
        jax_outputs=(numbers + 1.5,),
        weights_torch={},
        weights_jax={},
    )
    repro.write(made, path)
    assert path.read_text().count("cannot be written down here") == 2
    done = run(path)
    assert done.returncode == 1, done.stderr
    assert "largest difference 0.5 of 6.5" in done.stdout


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: torch.nn.Linear(3, 4, bias=False),
            "torch.nn.Linear(3, 4, bias=False)",
        ),
        (
            lambda: torch.nn.Conv2d(3, 4, 5, padding="same", groups=1),
            "torch.nn.Conv2d(3, 4, (5, 5), padding='same')",
        ),
        (
            lambda: torch.nn.LSTM(3, 4, num_layers=2, batch_first=True),
            "torch.nn.LSTM(3, 4, num_layers=2, batch_first=True, dropout=0.0)",
        ),
        (
            lambda: torch.nn.MultiheadAttention(8, 2, batch_first=True),
            "torch.nn.MultiheadAttention(8, 2, dropout=0.0, kdim=8, vdim=8, "
            "batch_first=True)",
        ),
        (lambda: torch.nn.Dropout(0.25), "torch.nn.Dropout(p=0.25)"),
        (
            lambda: torch.nn.TransformerEncoderLayer(8, 2),
            None,  # it does not keep what it was made with
        ),
        (lambda: torch.nn.Sequential(torch.nn.ReLU()), None),
    ],
)
def test_constructors_of_torch(make, says):
    assert constructor("torch", make()) == says


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda rngs: nnx.Linear(3, 4, use_bias=False, rngs=rngs),
            "nnx.Linear(3, 4, use_bias=False, rngs=nnx.Rngs(0))",
        ),
        (
            lambda rngs: nnx.Conv(3, 4, (3, 3), kernel_init=ones, rngs=rngs),
            "nnx.Conv(3, 4, (3, 3), rngs=nnx.Rngs(0))",
        ),
        (
            lambda rngs: nnx.BatchNorm(3, momentum=0.9, rngs=rngs),
            "nnx.BatchNorm(3, momentum=0.9, epsilon=1e-05, rngs=nnx.Rngs(0))",
        ),
        (lambda rngs: nnx.Linear(3, 4, dot_general=jnp.dot, rngs=rngs), None),
    ],
)
def test_constructors_of_nnx(make, says):
    assert constructor("jax", make(nnx.Rngs(0))) == says
