"""A residual network for small pictures: two blocks, the second of half the size.

    block(x) = relu(norm(conv(relu(norm(conv x)))) + shortcut(x))
    z = linear(flatten(max_pool(block₂(block₁(relu(norm(conv x)))))))
    loss = mean (log Σ exp z − z_label)

Source: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition" (2015).
Shapes: x (batch, height, width, colours), labels (batch,) whole numbers.
"""

import optax
from flax import nnx
from jax import Array
from jaxtyping import Float, Int


class BatchNorm(nnx.BatchNorm):
    """Keeps the unbiased variance, n / (n − 1) of the one that it divides by."""

    def __call__(
        self,
        x: Float[Array, "*batch channels"],
        use_running_average: bool | None = None,
        *,
        mask: Array | None = None,
    ) -> Float[Array, "*batch channels"]:
        kept = self.momentum * self.var[...]
        y = super().__call__(x, use_running_average, mask=mask)
        if not self.use_running_average:
            n = x.size / x.shape[-1]
            self.var[...] = kept + (self.var[...] - kept) * n / (n - 1)
        return y


class Block(nnx.Module):
    """Two normalized convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, rngs: nnx.Rngs):
        self.conv1 = nnx.Conv(
            inputs, outputs, (3, 3), stride, padding=1, use_bias=False, rngs=rngs
        )
        self.norm1 = BatchNorm(outputs, momentum=0.9, rngs=rngs)
        self.conv2 = nnx.Conv(
            outputs, outputs, (3, 3), padding=1, use_bias=False, rngs=rngs
        )
        self.norm2 = BatchNorm(outputs, momentum=0.9, rngs=rngs)
        if stride == 1 and inputs == outputs:
            self.shortcut = None
        else:
            self.shortcut = nnx.Conv(inputs, outputs, (1, 1), stride, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch h w inputs"]
    ) -> Float[Array, "batch _ _ outputs"]:
        h = nnx.relu(self.norm1(self.conv1(x)))
        h = self.norm2(self.conv2(h))
        if self.shortcut is not None:
            x = self.shortcut(x)
        return nnx.relu(h + x)


class ResidualNet(nnx.Module):
    """A convolution, two blocks, the largest of each 2 × 2, and a linear layer."""

    def __init__(
        self,
        colours: int,
        narrow: int,
        wide: int,
        size: tuple[int, int],
        classes: int,
        *,
        rngs: nnx.Rngs,
    ):
        self.conv = nnx.Conv(
            colours, narrow, (3, 3), padding=1, use_bias=False, rngs=rngs
        )
        self.norm = BatchNorm(narrow, momentum=0.9, rngs=rngs)
        self.block1 = Block(narrow, narrow, 1, rngs=rngs)
        self.block2 = Block(narrow, wide, 2, rngs=rngs)
        flat = wide * (size[0] // 4) * (size[1] // 4)
        self.output = nnx.Linear(flat, classes, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch height width colours"]
    ) -> Float[Array, "batch classes"]:
        h = nnx.relu(self.norm(self.conv(x)))
        h = self.block2(self.block1(h))
        h = nnx.max_pool(h, (2, 2), strides=(2, 2))
        # Channels first, the order in which the weights of PyTorch's layer stand.
        h = h.transpose(0, 3, 1, 2)
        return self.output(h.reshape(len(h), -1))


def build(
    *,
    colours: int = 3,
    narrow: int = 6,
    wide: int = 10,
    size: tuple[int, int] = (8, 12),
    classes: int = 4,
) -> ResidualNet:
    """The model, for pictures of `size`, (height, width) in pixels."""
    return ResidualNet(colours, narrow, wide, size, classes, rngs=nnx.Rngs(0))


def build_optimizer(
    *, learning_rate: float = 1e-3, weight_decay: float = 1e-2
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay."""
    return optax.adamw(learning_rate, weight_decay=weight_decay)


def loss(
    outputs: Float[Array, "batch classes"], labels: Int[Array, " batch"]
) -> Float[Array, ""]:
    """Mean cross entropy of logits."""
    return optax.softmax_cross_entropy_with_integer_labels(outputs, labels).mean()
