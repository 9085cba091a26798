"""A residual network for small pictures: two blocks, the second of half the size.

    block(x) = relu(norm(conv(relu(norm(conv x)))) + shortcut(x))
    z = linear(flatten(max_pool(block₂(block₁(relu(norm(conv x)))))))
    loss = mean (log Σ exp z − z_label)

Source: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition" (2015).
Shapes: x (batch, colours, height, width), labels (batch,) whole numbers.
"""

from collections.abc import Iterable

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim import AdamW


class Block(nn.Module):
    """Two normalized convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        if stride == 1 and inputs == outputs:
            self.shortcut = None
        else:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride)

    def forward(
        self, x: Float[Tensor, "batch inputs h w"]
    ) -> Float[Tensor, "batch outputs _ _"]:
        h = F.relu(self.norm1(self.conv1(x)))
        h = self.norm2(self.conv2(h))
        if self.shortcut is not None:
            x = self.shortcut(x)
        return F.relu(h + x)


class ResidualNet(nn.Module):
    """A convolution, two blocks, the largest of each 2 × 2, and a linear layer."""

    def __init__(
        self, colours: int, narrow: int, wide: int, size: tuple[int, int], classes: int
    ):
        super().__init__()
        self.conv = nn.Conv2d(colours, narrow, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(narrow)
        self.block1 = Block(narrow, narrow, 1)
        self.block2 = Block(narrow, wide, 2)
        self.output = nn.Linear(wide * (size[0] // 4) * (size[1] // 4), classes)

    def forward(
        self, x: Float[Tensor, "batch colours height width"]
    ) -> Float[Tensor, "batch classes"]:
        h = F.relu(self.norm(self.conv(x)))
        h = self.block2(self.block1(h))
        h = F.max_pool2d(h, 2)
        return self.output(h.flatten(1))


def build(
    *,
    colours: int = 3,
    narrow: int = 6,
    wide: int = 10,
    size: tuple[int, int] = (8, 12),
    classes: int = 4,
) -> ResidualNet:
    """The model, for pictures of `size`, (height, width) in pixels."""
    return ResidualNet(colours, narrow, wide, size, classes)


def build_optimizer(
    parameters: Iterable[nn.Parameter],
    *,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-2,
) -> AdamW:
    """Adam with decoupled weight decay."""
    return AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)


def loss(
    outputs: Float[Tensor, "batch classes"], labels: Int[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Mean cross entropy of logits."""
    return F.cross_entropy(outputs, labels)
