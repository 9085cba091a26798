"""What stays when the port is done: a test of it."""

import inputs
import port
import torch_model


def test_port(equivalent):
    equivalent(torch_model.torch_model(), port.jax_model(), inputs.tokens())


def test_training(equivalent):
    equivalent(
        torch_model.torch_model(),
        port.jax_model(),
        inputs.tokens(),
        loss=(inputs.torch_loss, inputs.jax_loss),
        targets=(inputs.labels(),),
        optimizers=inputs.optimizers(),
    )
