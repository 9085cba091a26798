"""The ways in which one side of a repro can be written, the most readable first."""

import inspect
import math
import pickle
import pickletools
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compare.fault import NAMES, Side
from compare.pair.report import Failing

LIBRARIES = {"torch": ("torch.nn", "torch.nn"), "jax": ("flax.nnx", "nnx")}
"""Where layers of a library are found, and how a script calls it."""
PLACED = frozenset({"self", "mode", "device", "rngs"})
"""Arguments that are no setting of a layer."""
TORCH = """
# PyTorch
import torch

{built}
torch_layer = torch_layer.double().{mode}()
weights = {{n: torch.from_numpy(v) for n, v in named("torch weight ").items()}}
torch_layer.load_state_dict(weights, strict=False)
given = [torch.from_numpy(array) for array in named("torch input ").values()]
with torch.no_grad():
    torch_outputs = flat(torch_layer({given}))
"""
JAX = """
# JAX
import jax
import jax.numpy as jnp
from flax import nnx

jax.config.update("jax_enable_x64", True)
{built}
jax_layer.{mode}()
for path, array in named("jax weight ").items():
    *owners, name = path.split("/")
    owner = jax_layer
    for part in owners:
        owner = owner[int(part)] if part.isdigit() else getattr(owner, part)
    getattr(owner, name).set_value(jnp.asarray(array))
given = [jnp.asarray(array) for array in named("jax input ").values()]
jax_outputs = flat(jax_layer({given}))
"""
PICKLED = """\
import pickle
{found}
{side}_layer = pickle.loads(numbers["{side} pickle"].tobytes())"""
BY_NAME = "sys.path.insert(0, {folder!r})  # where {name} is"
BY_PATH = """\
from importlib.util import module_from_spec, spec_from_file_location

# The file in which the layer's class is, under the name that it had.
spec = spec_from_file_location({called!r}, {file!r})
module = module_from_spec(spec)
sys.modules[{called!r}] = module
spec.loader.exec_module(module)"""
OF_MAIN = """
classes = {n: v for n, v in vars(module).items() if isinstance(v, type)}
vars(sys.modules["__main__"]).update(classes)"""
RECORDED = """
# {framework}, whose layer cannot be written down here: what it gave
{side}_outputs = list(named("{side} output ").values())
"""


@dataclass(frozen=True)
class Source:
    """What a side may be written as, and the arrays that this takes."""

    side: Side
    ways: list[str]
    arrays: dict[str, np.ndarray]

    @property
    def recorded(self) -> str:
        """What always holds."""
        return RECORDED.format(framework=NAMES[self.side], side=self.side)


def torch_sources(failing: Failing) -> Source:
    """PyTorch's side; without a module there is nothing to call."""
    layer = failing.torch
    if not hasattr(layer, "load_state_dict"):
        return Source("torch", [], {})
    built, arrays = _built("torch", layer)
    modes = ["train", "eval"] if layer.training else ["eval", "train"]
    calls = _calls(len(failing.inputs))
    ways = [
        TORCH.format(built=way, mode=mode, given=given)
        for way in built
        for mode in modes
        for given in calls
    ]
    return Source("torch", ways, arrays)


def jax_sources(failing: Failing) -> Source:
    """JAX's side, where it is a module of nnx."""
    layer = failing.jax
    module = getattr(sys.modules.get("flax.nnx"), "Module", None)
    if module is None or not isinstance(layer, module):
        return Source("jax", [], {})
    built, arrays = _built("jax", layer)
    calls = _calls(len(failing.jax_inputs))
    ways = [
        JAX.format(built=way, mode=mode, given=given)
        for way in built
        for mode in ("train", "eval")
        for given in calls
    ]
    return Source("jax", ways, arrays)


def _calls(inputs: int) -> list[str]:
    """How a layer is called; some take their state as a tuple, or after the rest."""
    if inputs == 3:
        return ["*given", "given[0], tuple(given[1:])", "tuple(given[:2]), given[2]"]
    return ["*given"]


def _built(side: Side, layer: Any) -> tuple[list[str], dict[str, np.ndarray]]:
    """Lines that make the layer, and the arrays that they read."""
    ways: list[str] = []
    if (call := constructor(side, layer)) is not None:
        ways.append(f"{side}_layer = {call}")
    try:
        held = pickle.dumps(layer)
    except Exception:  # whatever a user's class or a hook of it cannot do
        return ways, {}
    found = "\n".join(_files(held))
    ways.append(PICKLED.format(found=found, side=side))
    return ways, {f"{side} pickle": np.frombuffer(held, dtype=np.uint8)}


def constructor(side: Side, layer: Any) -> str | None:
    """The call that makes a library's layer, from its settings; None for others."""
    where, called = LIBRARIES[side]
    kind = type(layer)
    known = getattr(sys.modules.get(where), kind.__name__, None) is kind
    if not known or (parameters := _parameters(kind)) is None:
        return None
    arguments = []
    for parameter in parameters:
        value = _setting(layer, parameter)
        # What the frameworks' defaults part in, as eps, is worth reading.
        alike = value is parameter.default or value == _as_many(
            parameter.default, value
        )
        if alike and not isinstance(value, float):
            continue
        written = _literal(value)
        if written is None:
            return None
        required = parameter.default is parameter.empty
        free = parameter.kind is not parameter.KEYWORD_ONLY
        name = "" if required and free else f"{parameter.name}="
        arguments.append(name + written)
    if side == "jax" and "rngs" in inspect.signature(kind.__init__).parameters:
        arguments.append("rngs=nnx.Rngs(0)")
    return f"{called}.{kind.__name__}({', '.join(arguments)})"


def _as_many(default: Any, value: Any) -> Any:
    """A layer keeps a number for each axis, where one was given for all."""
    return (default,) * len(value) if isinstance(value, tuple) else default


def _parameters(kind: type) -> list[inspect.Parameter] | None:
    """Of the first constructor that names them; None where none does."""
    for base in kind.__mro__:
        found = inspect.signature(base.__init__).parameters.values()
        if not any(one.kind is one.VAR_POSITIONAL for one in found):
            return [one for one in found if not _placed(one.name)]
    return None


def _placed(name: str) -> bool:
    """Whether it is no setting: where the layer is, or numbers that are loaded."""
    return name in PLACED or name.endswith(("_init", "_metadata"))


def _setting(layer: Any, parameter: inspect.Parameter) -> Any:
    """What the layer keeps of an argument; the default where it keeps nothing."""
    found = getattr(layer, parameter.name, parameter.default)
    if parameter.name == "bias" and not isinstance(found, bool):
        # A parameter or None; attention has it by another name.
        return getattr(layer, "bias", getattr(layer, "in_proj_bias", None)) is not None
    if parameter.name == "dtype" and hasattr(layer, "load_state_dict"):
        return parameter.default
    return found


def _literal(value: Any) -> str | None:
    """As it is written in a source; None for what is no plain value."""
    if isinstance(value, tuple | list):
        parts = [_literal(each) for each in value]
        if None in parts:
            return None
        return repr(tuple(value)) if isinstance(value, tuple) else repr(list(value))
    if value is None or isinstance(value, bool | int | str):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None
    return None


def _files(held: bytes) -> Iterator[str]:
    """Lines that make the classes of a pickle importable, where they are a user's."""
    names = {one for _, one, _ in pickletools.genops(held) if isinstance(one, str)}
    words = {part for name in names for part in name.split(" ")}  # of old protocols
    for name in sorted(words & sys.modules.keys()):
        file = getattr(sys.modules[name], "__file__", None)
        if file is None or _installed(Path(file).resolve()):
            continue
        yield _reachable(name, Path(file).resolve())


def _reachable(name: str, file: Path) -> str:
    if name == "__main__":
        return BY_PATH.format(called="_main", file=str(file)) + OF_MAIN
    package = file.stem == "__init__"
    parts = name.split(".")
    if parts[-1] == (file.parent.name if package else file.stem):
        folder = file.parents[len(parts) - 1 + package]
        return BY_NAME.format(folder=str(folder), name=name)
    folder = BY_NAME.format(folder=str(file.parent), name=name)
    return f"{folder}\n{BY_PATH.format(called=name, file=str(file))}"


def _installed(file: Path) -> bool:
    """Whether Python finds it without being told."""
    places = {sysconfig.get_path(each) for each in ("stdlib", "purelib", "platlib")}
    return any(file.is_relative_to(Path(place).resolve()) for place in places)
