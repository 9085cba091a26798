"""Counting the operations of matrix products: in a program, and while they are done."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax import lax

from jaxnets import operations as in_jax
from torchnets import operations as in_torch

ones = partial(np.ones, dtype=np.float32)
# NumPy's: an array of JAX's would start it before the tests that fork.
A, B = ones((3, 4)), ones((4, 5))
ONCE = 2 * 3 * 4 * 5
"""Operations of `A @ B`."""
SQUARE, VECTOR = ones((4, 4)), ones(4)
EACH = 2 * 4 * 4
"""Operations of `SQUARE @ VECTOR`."""


@jax.custom_jvp
def with_rule(a, b):
    return a @ b


with_rule.defjvp(lambda at, by: (with_rule(*at), by[0] @ at[1]))


def scanned(square, vector):
    return lax.scan(lambda v, _: (square @ v, None), vector, length=7)


def loop(square, vector):
    return lax.while_loop(lambda v: v[0] < 9, lambda v: square @ v, vector)


def chosen(first, second):
    return lambda i, a, b: lax.cond(i > 0, first, second, a, b)


IN_JAX = {
    # call, arguments, operations
    "a product": (jnp.matmul, (A, B), ONCE),
    "of a batch": (jnp.matmul, (ones((6, 3, 4)), ones((6, 4, 5))), 6 * ONCE),
    "of all axes": (jnp.vdot, (A, A), 2 * 3 * 4),
    "of two axes": (
        jnp.tensordot,
        (ones((3, 4, 5)), ones((4, 5, 6))),
        2 * 3 * 6 * (4 * 5),
    ),
    "nothing": (jnp.multiply, (A, A), 0),
    "compiled": (jax.jit(jnp.matmul), (A, B), ONCE),
    "with a rule of its own": (with_rule, (A, B), ONCE),
    "its slopes": (jax.grad(lambda a, b: (a @ b).sum()), (A, B), 2 * ONCE),
    "both slopes": (jax.grad(lambda a, b: (a @ b).sum(), (0, 1)), (A, B), 3 * ONCE),
    "computed again": (
        jax.grad(jax.checkpoint(lambda a, b: jnp.sin(a @ b).sum())),
        (A, B),
        3 * ONCE,  # without the checkpoint it would be two
    ),
    "over and over": (scanned, (SQUARE, VECTOR), 7 * EACH),
    "over and over, many": (
        jax.vmap(scanned, (None, 0)),
        (SQUARE, ones((6, 4))),
        6 * 7 * EACH,
    ),
    "twice over": (
        lambda a, v: lax.scan(lambda w, _: (scanned(a, w)[0], None), v, length=3),
        (SQUARE, VECTOR),
        3 * 7 * EACH,
    ),
    "one or the other": (chosen(jnp.matmul, with_rule), (1, A, B), ONCE),
    "a loop without products": (
        lambda v: lax.while_loop(lambda v: v[0] < 9, lambda v: v + 1, v),
        (VECTOR,),
        0,
    ),
}


@pytest.mark.parametrize("what", IN_JAX)
def test_the_products_of_a_program_are_counted(what):
    function, arguments, due = IN_JAX[what]
    assert in_jax.products(function, *arguments) == due


@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (loop, (SQUARE, VECTOR), "'while'"),
        (chosen(jnp.matmul, lambda a, b: a @ b + a @ b), (1, A, B), "'cond'"),
    ],
)
def test_a_count_that_depends_on_numbers_is_refused(function, arguments, named):
    with pytest.raises(ValueError, match=f"shapes alone, got {named}"):
        in_jax.products(function, *arguments)


def test_numbers_that_are_at_hand_decide():
    """The way that a refusal names."""
    function = chosen(jnp.matmul, lambda a, b: a @ b + a @ b)
    with jax.disable_jit(), jax.ensure_compile_time_eval():
        counts = [
            in_jax.products(lambda a, b, i=i: function(jnp.asarray(i), a, b), A, B)
            for i in (0, 1)
        ]
    assert counts == [2 * ONCE, ONCE]


def slopes(a, b):
    (a @ b).sum().backward()


IN_TORCH = {
    # call, shapes of its arguments, operations
    "a product": (torch.matmul, [(3, 4), (4, 5)], ONCE),
    "of a batch": (torch.matmul, [(6, 3, 4), (6, 4, 5)], 6 * ONCE),
    "of two axes": (lambda a, b: torch.tensordot(a, b), [(3, 4, 5), (4, 5, 6)], 720),
    "with a bias": (torch.addmm, [(3, 5), (3, 4), (4, 5)], ONCE),
    "nothing": (torch.mul, [(3, 4), (3, 4)], 0),
    "both slopes": (slopes, [(3, 4), (4, 5)], 3 * ONCE),
}


@pytest.mark.parametrize("what", IN_TORCH)
def test_the_products_that_are_done_are_counted(what):
    function, shapes, due = IN_TORCH[what]
    arguments = [torch.ones(shape, requires_grad=True) for shape in shapes]
    assert in_torch.products(function, *arguments) == due
