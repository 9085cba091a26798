"""Modules: what they hold, by which names, what is trained, and where it starts.

The network is h = relu(x W₁ + b₁), y = h W₂ + b₂; weights handed over have the shape
(inputs, outputs); PyTorch's own are transposed. Its state is a dict of tensors.
"""

import math
from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

Inputs = Float[Tensor, "examples inputs"]
HiddenWeight = Float[Tensor, "inputs hidden"]
HiddenBias = Float[Tensor, "hidden"]
OutputWeight = Float[Tensor, "hidden outputs"]
OutputBias = Float[Tensor, "outputs"]
Outputs = Float[Tensor, "examples outputs"]
Vector = Float[Tensor, "width"]
SquareWeight = Float[Tensor, "width width"]
Sample = Float[Tensor, "sample"]


class Network(nn.Module):
    """Linear, ReLU, linear."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(3, 5)
        self.output = nn.Linear(5, 2)

    def forward(self, inputs: Inputs) -> Outputs:
        return self.output(functional.relu(self.hidden(inputs)))


class Twice(nn.Module):
    """Linear, tanh, linear; the two may be the same layer."""

    def __init__(self, first: nn.Linear, second: nn.Linear):
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, vector: Vector) -> Vector:
        return self.second(torch.tanh(self.first(vector)))


def _linear(weight: Float[Tensor, "from to"], bias: Float[Tensor, "to"]) -> nn.Linear:
    inputs, outputs = weight.shape
    layer = nn.Linear(inputs, outputs)
    layer.weight = nn.Parameter(weight.T)
    layer.bias = nn.Parameter(bias)
    return layer


def _network(
    hidden_weight: HiddenWeight,
    hidden_bias: HiddenBias,
    output_weight: OutputWeight,
    output_bias: OutputBias,
) -> Network:
    model = Network()
    model.hidden = _linear(hidden_weight, hidden_bias)
    model.output = _linear(output_weight, output_bias)
    return model


def _count(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


def names_and_shapes() -> dict[str, tuple[int, ...]]:
    """Parameters by name: how is a weight called, and which of its axes comes first?"""
    parameters = Network().named_parameters()
    return {name: tuple(parameter.shape) for name, parameter in parameters}


def names_in_sequence() -> tuple[str, ...]:
    """Layers in a row have numbers; ReLU takes one, though it holds nothing."""
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    return tuple(model.state_dict())


def parameter_count() -> int:
    """3 × 5 + 5 + 5 × 2 + 2 numbers."""
    return _count(Network().parameters())


def trained_and_kept() -> dict[str, int]:
    """Of batch norm's numbers those that are trained, and all that its state keeps."""
    layer = nn.BatchNorm1d(5)
    return {
        "trained": _count(layer.parameters()),
        "kept": _count(layer.state_dict().values()),
    }


def default_dtype() -> str:
    """In which precision a layer starts."""
    return str(nn.Linear(3, 5).weight.dtype).removeprefix("torch.")


def subclass(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: HiddenBias,
    output_weight: OutputWeight,
    output_bias: OutputBias,
) -> Outputs:
    """y by a class of one's own."""
    model = _network(hidden_weight, hidden_bias, output_weight, output_bias)
    return model(inputs).detach()


def sequential(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: HiddenBias,
    output_weight: OutputWeight,
    output_bias: OutputBias,
) -> Outputs:
    """The same y by layers in a row."""
    model = nn.Sequential(
        _linear(hidden_weight, hidden_bias),
        nn.ReLU(),
        _linear(output_weight, output_bias),
    )
    return model(inputs).detach()


def gradients_beside_frozen_layer(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: HiddenBias,
    output_weight: OutputWeight,
    output_bias: OutputBias,
    targets: Outputs,
) -> dict[str, Float[Tensor, "..."]]:
    """Of Σ (y - t)² / 2, W₂ and b₂ frozen: gradients pass through, none stays there."""
    model = _network(hidden_weight, hidden_bias, output_weight, output_bias)
    model.output.requires_grad_(False)
    loss = ((model(inputs) - targets) ** 2).sum() / 2
    loss.backward()
    return {
        name: parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def names_of_shared_layer(
    shared_weight: SquareWeight, shared_bias: Vector
) -> dict[str, tuple[str, ...]]:
    """One layer under two names: what is trained, and what is saved of it?"""
    layer = _linear(shared_weight, shared_bias)
    model = Twice(layer, layer)
    return {
        "trained": tuple(name for name, _ in model.named_parameters()),
        "saved": tuple(model.state_dict()),
    }


def gradients_of_shared_layer(
    vector: Vector, shared_weight: SquareWeight, shared_bias: Vector
) -> tuple[SquareWeight, Vector]:
    """Of |y|² / 2 with y = tanh(x W + b) W + b, by W and b."""
    layer = _linear(shared_weight, shared_bias)
    loss = (Twice(layer, layer)(vector) ** 2).sum() / 2
    by_weight, by_bias = torch.autograd.grad(loss, (layer.weight, layer.bias))
    return by_weight.T, by_bias


def gradients_of_copies(
    vector: Vector, shared_weight: SquareWeight, shared_bias: Vector
) -> tuple[SquareWeight, Vector]:
    """Two layers with equal numbers: their gradients add up to that of a shared one."""
    first = _linear(shared_weight, shared_bias)
    second = _linear(shared_weight, shared_bias)
    loss = (Twice(first, second)(vector) ** 2).sum() / 2
    by_first = torch.autograd.grad(loss, (first.weight, first.bias), retain_graph=True)
    by_second = torch.autograd.grad(loss, (second.weight, second.bias))
    by_weight, by_bias = map(torch.add, by_first, by_second)
    return by_weight.T, by_bias


def saved_and_restored(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: HiddenBias,
    output_weight: OutputWeight,
    output_bias: OutputBias,
) -> Outputs:
    """The state taken out as NumPy arrays, and put into another network."""
    model = _network(hidden_weight, hidden_bias, output_weight, output_bias)
    saved = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    restored = Network()
    restored.load_state_dict({k: torch.from_numpy(v) for k, v in saved.items()})
    return restored(inputs).detach()


def part_of_a_state(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: HiddenBias,
    output_weight: OutputWeight,
    output_bias: OutputBias,
) -> Outputs:
    """b₁ = 0 loaded from a state that holds nothing else: is the rest missed?"""
    model = _network(hidden_weight, hidden_bias, output_weight, output_bias)
    model.load_state_dict({"hidden.bias": torch.zeros_like(hidden_bias)})
    return model(inputs).detach()


def state_of_another_shape() -> tuple[int, ...]:
    """Eight numbers loaded into a bias of two: what shape has it then?"""
    layer = nn.Linear(5, 2)
    state = layer.state_dict()
    state["bias"] = torch.zeros(8)
    layer.load_state_dict(state)
    return tuple(layer.bias.shape)


def modes() -> dict[str, bool]:
    """Whether a dropout inside drops: when made, after `eval`, after `train`."""
    dropout = nn.Dropout(0.25)
    model = nn.Sequential(nn.Linear(3, 5), dropout)
    drops = {"made": dropout.training}
    model.eval()
    drops["eval"] = dropout.training
    model.train()
    drops["train"] = dropout.training
    return drops


def dropout_in_evaluation(inputs: Inputs) -> Inputs:
    """Nothing is dropped, and nothing is drawn."""
    dropout = nn.Dropout(0.25)
    dropout.eval()
    return dropout(inputs)


def dropout_in_training(seed: int) -> dict[str, bool]:
    """A quarter is dropped; what is kept is divided by 3/4, so the mean is kept."""
    torch.manual_seed(seed)
    outputs = nn.Dropout(0.25)(torch.ones(100_000))
    dropped = outputs == 0
    share = dropped.double().mean()
    return {
        "scaled": bool((dropped | (outputs == 1 / 0.75)).all()),
        "quarter": bool(torch.abs(share - 0.25) < _bound(outputs.numel())),
    }


def default_weight_is_uniform(seed: int) -> bool:
    """Uniform on ±1/√fan_in, of variance 1/(3 fan_in)?"""
    torch.manual_seed(seed)
    layer = nn.Linear(250, 400)
    return _follows(layer.weight.detach().flatten(), _uniform)


def default_weight_is_truncated_normal(seed: int) -> bool:
    """Normal, cut at ±2 of its standard deviations, then of variance 1/fan_in?"""
    torch.manual_seed(seed)
    layer = nn.Linear(250, 400)
    return _follows(layer.weight.detach().flatten(), _truncated_normal)


def default_bias(seed: int) -> dict[str, bool]:
    """Zeros, or uniform on ±1/√fan_in like the weight?"""
    torch.manual_seed(seed)
    layer = nn.Linear(250, 400)
    bias = layer.bias.detach()
    return {"zero": bool((bias == 0).all()), "uniform": _follows(bias, _uniform)}


def _uniform(numbers: Sample) -> Sample:
    return ((numbers * math.sqrt(250) + 1) / 2).clamp(0, 1)


def _truncated_normal(numbers: Sample) -> Sample:
    # The cut leaves 0.8796 of the standard deviation, which is made good beforehand.
    scale = 1 / math.sqrt(250) / 0.87962566103423978
    below = torch.special.ndtr((numbers / scale).clamp(-2, 2))
    outside = torch.special.ndtr(torch.tensor(-2.0))
    return (below - outside) / (1 - 2 * outside)


def _follows(numbers: Sample, law: Callable[[Sample], Sample]) -> bool:
    return bool(_distance(numbers, law) < _bound(numbers.numel()))


def _distance(numbers: Sample, law: Callable[[Sample], Sample]) -> Float[Tensor, ""]:
    # Kolmogorov and Smirnov's: the largest between the sample's distribution function,
    # a stair, and that of the law.
    probability = law(torch.sort(numbers).values)
    stairs = torch.arange(numbers.numel() + 1) / numbers.numel()
    return torch.maximum(stairs[1:] - probability, probability - stairs[:-1]).max()


def _bound(size: int) -> float:
    # Farther off is one sample of 10⁹ that do follow the law: P(distance > ε) is at
    # most 2 exp(-2nε²), by Massart, Annals of Probability 18 (1990), 1269; for a mean
    # of numbers in [0, 1] by Hoeffding, J. Amer. Statist. Assoc. 58 (1963), 13.
    return math.sqrt(math.log(2 / 1e-9) / (2 * size))
