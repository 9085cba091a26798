"""A network of two layers on one input, by modules and from the definitions.

h = relu(x W₁ + b₁), y = h W₂ + b₂, loss = mean (y - target)². All parameters come from
outside, with weights of the shape (inputs, outputs); PyTorch's own are transposed.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

Inputs = Float[Tensor, "inputs"]
Hidden = Float[Tensor, "hidden"]
Outputs = Float[Tensor, "outputs"]
HiddenWeight = Float[Tensor, "inputs hidden"]
OutputWeight = Float[Tensor, "hidden outputs"]
Points = Float[Tensor, "points"]
Loss = Float[Tensor, ""]


class Network(nn.Module):
    """Linear, ReLU, linear."""

    def __init__(
        self,
        hidden_weight: HiddenWeight,
        hidden_bias: Hidden,
        output_weight: OutputWeight,
        output_bias: Outputs,
    ):
        super().__init__()
        self.hidden = _linear(hidden_weight, hidden_bias)
        self.output = _linear(output_weight, output_bias)

    def forward(self, inputs: Inputs) -> Outputs:
        return self.output(functional.relu(self.hidden(inputs)))


def _linear(weight: Float[Tensor, "from to"], bias: Float[Tensor, "to"]) -> nn.Linear:
    inputs, outputs = weight.shape
    layer = nn.Linear(inputs, outputs)
    layer.weight = nn.Parameter(weight.T)
    layer.bias = nn.Parameter(bias)
    return layer


def before_relu(
    inputs: Inputs, hidden_weight: HiddenWeight, hidden_bias: Hidden
) -> Hidden:
    """x W₁ + b₁ by a module."""
    return _linear(hidden_weight, hidden_bias)(inputs).detach()


def before_relu_by_hand(
    inputs: Inputs, hidden_weight: HiddenWeight, hidden_bias: Hidden
) -> Hidden:
    """x W₁ + b₁."""
    return inputs @ hidden_weight + hidden_bias


def relu(points: Points) -> Points:
    """relu(x) as the library has it."""
    return functional.relu(points)


def relu_as_maximum(points: Points) -> Points:
    """relu(x) = max(0, x)."""
    return torch.maximum(torch.zeros_like(points), points)


def relu_as_piecewise(points: Points) -> Points:
    """relu(x) = x where x > 0, otherwise 0."""
    return torch.where(points > 0, points, 0)


def relu_as_mean(points: Points) -> Points:
    """relu(x) = (x + |x|) / 2."""
    return (points + torch.abs(points)) / 2


def slopes(points: Points) -> dict[str, Points]:
    """Derivatives; at 0 they do not agree with each other, though the functions do."""
    return {
        "relu": torch.func.grad(lambda x: relu(x).sum())(points),
        "maximum": torch.func.grad(lambda x: relu_as_maximum(x).sum())(points),
        "piecewise": torch.func.grad(lambda x: relu_as_piecewise(x).sum())(points),
    }


def slope_of_mean(points: Points) -> Points:
    """The derivative of (x + |x|) / 2."""
    return torch.func.grad(lambda x: relu_as_mean(x).sum())(points)


def slope_of_clamp(points: Points) -> Points:
    """The derivative of max(0, x) written as a clamp."""
    return torch.func.grad(lambda x: torch.clamp(x, min=0).sum())(points)


def hidden(inputs: Inputs, hidden_weight: HiddenWeight, hidden_bias: Hidden) -> Hidden:
    """h = relu(x W₁ + b₁)."""
    return relu(before_relu_by_hand(inputs, hidden_weight, hidden_bias))


def network(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: Hidden,
    output_weight: OutputWeight,
    output_bias: Outputs,
) -> Outputs:
    """y by modules."""
    model = Network(hidden_weight, hidden_bias, output_weight, output_bias)
    return model(inputs).detach()


def network_by_hand(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: Hidden,
    output_weight: OutputWeight,
    output_bias: Outputs,
) -> Outputs:
    """y = relu(x W₁ + b₁) W₂ + b₂."""
    return hidden(inputs, hidden_weight, hidden_bias) @ output_weight + output_bias


def loss(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: Hidden,
    output_weight: OutputWeight,
    output_bias: Outputs,
    target: Outputs,
) -> Loss:
    """The mean squared error by the library."""
    model = Network(hidden_weight, hidden_bias, output_weight, output_bias)
    return functional.mse_loss(model(inputs), target).detach()


def loss_by_hand(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: Hidden,
    output_weight: OutputWeight,
    output_bias: Outputs,
    target: Outputs,
) -> Loss:
    """Σ (y - target)² / n."""
    outputs = network_by_hand(
        inputs, hidden_weight, hidden_bias, output_weight, output_bias
    )
    return ((outputs - target) ** 2).sum() / target.numel()


def gradients_of_modules(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: Hidden,
    output_weight: OutputWeight,
    output_bias: Outputs,
    target: Outputs,
) -> dict[str, Float[Tensor, "..."]]:
    """∂loss/∂W of both layers, in the layout of the modules."""
    model = Network(hidden_weight, hidden_bias, output_weight, output_bias)
    weights = model.hidden.weight, model.output.weight
    loss = functional.mse_loss(model(inputs), target)
    hidden, output = torch.autograd.grad(loss, weights)
    return {"hidden": hidden, "output": output}


def gradients(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: Hidden,
    output_weight: OutputWeight,
    output_bias: Outputs,
    target: Outputs,
) -> dict[str, Float[Tensor, "..."]]:
    """∂loss/∂parameter by automatic differentiation of the loss by hand."""
    parameters = hidden_weight, hidden_bias, output_weight, output_bias
    differentiate = torch.func.grad(loss_by_hand, argnums=(1, 2, 3, 4))
    names = "hidden_weight", "hidden_bias", "output_weight", "output_bias"
    return dict(zip(names, differentiate(inputs, *parameters, target), strict=True))


def gradients_by_hand(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: Hidden,
    output_weight: OutputWeight,
    output_bias: Outputs,
    target: Outputs,
) -> dict[str, Float[Tensor, "..."]]:
    """∂loss/∂parameter by the chain rule, from the loss back to the input."""
    before = before_relu_by_hand(inputs, hidden_weight, hidden_bias)
    after = relu(before)
    outputs = after @ output_weight + output_bias
    by_outputs = 2 * (outputs - target) / target.numel()
    by_before = torch.where(before > 0, output_weight @ by_outputs, 0)
    return {
        "hidden_weight": torch.outer(inputs, by_before),
        "hidden_bias": by_before,
        "output_weight": torch.outer(after, by_outputs),
        "output_bias": by_outputs,
    }


def loss_after_step(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: Hidden,
    output_weight: OutputWeight,
    output_bias: Outputs,
    target: Outputs,
) -> Loss:
    """The loss after one step down the gradient, W - 0.05 ∂loss/∂W: it is smaller."""
    parameters = hidden_weight, hidden_bias, output_weight, output_bias
    steps = gradients_by_hand(inputs, *parameters, target).values()
    moved = [p - 0.05 * step for p, step in zip(parameters, steps, strict=True)]
    return loss_by_hand(inputs, *moved, target=target)


def within_bounds(
    hidden_weight: HiddenWeight,
    hidden_bias: Hidden,
    output_weight: OutputWeight,
    output_bias: Outputs,
) -> dict[str, bool]:
    """|parameter| < 1/√inputs of its layer: the range they were drawn from."""
    hidden_bound, output_bound = len(hidden_weight) ** -0.5, len(output_weight) ** -0.5
    return {
        "hidden_weight": bool((torch.abs(hidden_weight) < hidden_bound).all()),
        "hidden_bias": bool((torch.abs(hidden_bias) < hidden_bound).all()),
        "output_weight": bool((torch.abs(output_weight) < output_bound).all()),
        "output_bias": bool((torch.abs(output_bias) < output_bound).all()),
    }
