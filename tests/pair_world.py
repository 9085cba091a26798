"""A script: a pair is compared, and the caller's world is found as it was left."""

import random
import sys

import jax
import jax.numpy as jnp
import numpy as np
import torch

from compare import compare_pair

FOREIGN = {"flax", "optax", "equinox", "haiku"} & sys.modules.keys()
assert compare_pair(torch.tanh, jnp.tanh, np.arange(6.0)).passed
assert {"flax", "optax", "equinox", "haiku"} & sys.modules.keys() == FOREIGN

from flax import nnx  # noqa: E402
from pair_models import ROWS, NnxNormed, Normed  # noqa: E402

PRODUCTS = (
    torch.backends.cuda.matmul,
    torch.backends.cudnn.conv,
    torch.backends.mkldnn.matmul,
)


def world() -> list:
    """Flags and random states."""
    return [
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
        [product.fp32_precision for product in PRODUCTS],
        torch.is_autocast_enabled("cpu"),
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        random.getstate(),
        jax.config.jax_enable_x64,
        jax.config.jax_default_matmul_precision,
    ]


def torch_of(model: torch.nn.Module) -> list:
    """Everything that belongs to PyTorch's model."""
    return [
        {name: value.tolist() for name, value in model.state_dict().items()},
        [one.training for one in model.modules()],
        [len(one._forward_hooks) for one in model.modules()],
        [None if one.grad is None else one.grad.tolist() for one in model.parameters()],
        [one.requires_grad for one in model.parameters()],
        [(one.dtype, one.data_ptr()) for one in model.parameters()],
    ]


def jax_of(model: nnx.Module) -> list:
    """Everything that belongs to the JAX model, counts of random numbers too."""
    leaves = jax.tree.leaves(nnx.state(model))
    keys = jax.dtypes.prng_key
    plain = [
        jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, keys) else leaf
        for leaf in leaves
    ]
    modes = [model.norm.use_running_average, model.drop.deterministic]
    return [modes, [np.asarray(leaf).tolist() for leaf in plain]]


def prepared() -> tuple[Normed, NnxNormed]:
    """Models in mixed modes, with a hook and a gradient."""
    torch_model, jax_model = Normed().eval(), NnxNormed()
    torch_model.one.train()
    torch_model.one.bias.requires_grad_(False)
    torch_model.norm.register_forward_hook(lambda module, given, made: made)
    torch_model.one.weight.grad = torch.ones_like(torch_model.one.weight)
    jax_model.norm.use_running_average = True
    return torch_model, jax_model


def losses(fails: str) -> tuple:
    """Both draw random numbers of Python and NumPy; one of them may raise."""

    def torch_loss(outputs):
        random.random(), np.random.rand()  # noqa: NPY002
        if fails == "torch":
            raise ArithmeticError("on purpose")
        return outputs.square().sum()

    def jax_loss(outputs):
        random.random(), np.random.rand()  # noqa: NPY002
        if fails == "jax":
            raise ArithmeticError("on purpose")
        return jnp.square(outputs).sum()

    return torch_loss, jax_loss


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.allow_tf32 = True
    jax.config.update("jax_enable_x64", True)
    torch.manual_seed(3)
    for fails in ("fine", "torch", "jax"):
        torch_model, jax_model = prepared()
        before = world(), torch_of(torch_model), jax_of(jax_model)
        with torch.no_grad():
            report = compare_pair(
                torch_model,
                jax_model,
                ROWS,
                loss=losses(fails),
            )
        assert (report.verdict == "crashed") is (fails != "fine"), str(report)
        after = world(), torch_of(torch_model), jax_of(jax_model)
        for old, new in zip(before, after, strict=True):
            for number, (one, other) in enumerate(zip(old, new, strict=True)):
                assert one == other, (fails, number)
        print(fails)


if __name__ == "__main__":
    main()
