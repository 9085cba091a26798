"""Faults in the residual network: layouts, padding, batch norm, shortcuts."""

from compare.fault import Edit, Side
from compare.pair.planted.fault import LOSS, PairFault

_STEM = "self.norm = BatchNorm(narrow, momentum=0.9, rngs=rngs)"


def _fault(
    name: str,
    find: str,
    replace: str,
    phase: str = "outputs",
    layer: str = "",
    cause: str = "",
    side: Side = "jax",
) -> PairFault:
    return PairFault(
        name, "residual_net", side, Edit(find, replace), phase, layer, cause
    )


FAULTS = (
    _fault(
        "momentum read the other way",
        _STEM,
        "self.norm = BatchNorm(narrow, momentum=0.1, rngs=rngs)",
        "state",
        "norm",
        "momentum",
    ),
    _fault(
        "momentum as Flax has it",
        _STEM,
        "self.norm = BatchNorm(narrow, rngs=rngs)",
        "state",
        "norm",
        "momentum",
    ),
    _fault(
        "batch norm with an eps of 1e-3",
        "self.norm1 = BatchNorm(outputs, momentum=0.9, rngs=rngs)",
        "self.norm1 = BatchNorm(outputs, momentum=0.9, epsilon=1e-3, rngs=rngs)",
        "outputs",
        "block1.norm1",
        "eps of a norm",
    ),
    _fault(
        "batch norm with an eps of 1e-6 in PyTorch",
        "self.norm2 = nn.BatchNorm2d(outputs)",
        "self.norm2 = nn.BatchNorm2d(outputs, eps=1e-6)",
        "outputs",
        "block1.norm2",
        "eps of a norm",
        "torch",
    ),
    _fault(
        "running statistics in training",
        "self.norm(self.conv(x))",
        "self.norm(self.conv(x), use_running_average=True)",
        "outputs",
        "norm",
        "train or eval mode",
    ),
    _fault(
        "statistics of the batch in evaluation, PyTorch",
        "self.norm(self.conv(x))",
        "self.norm.train()(self.conv(x))",
        "outputs",
        "norm",
        "batch or running statistics",
        "torch",
    ),
    _fault(
        "flattened with channels last",
        "        h = h.transpose(0, 3, 1, 2)\n",
        "",
        "outputs",
        "",
        "layout of an axis",
    ),
    _fault(
        "SAME padding of a stride",
        "(3, 3), stride, padding=1,",
        '(3, 3), stride, padding="SAME",',
        "outputs",
        "block2.conv1",
        "SAME padding",
    ),
    _fault(
        "average for the largest",
        "nnx.max_pool(",
        "nnx.avg_pool(",
        "outputs",
        "",
        "average or maximum",
    ),
    _fault(
        "no shortcut",
        "return nnx.relu(h + x)",
        "return nnx.relu(h)",
        "outputs",
        "block1",
        "residual",
    ),
    _fault(
        "no activation after the shortcut",
        "return nnx.relu(h + x)",
        "return h + x",
        "outputs",
        "block1",
        "missing activation",
    ),
    _fault(
        "shortcut after the activation",
        "return nnx.relu(h + x)",
        "return nnx.relu(h) + x",
        "outputs",
        "block1",
    ),
    _fault(
        "stride begins one pixel later",
        "self.shortcut(x)",
        "self.shortcut(x[:, 1:, 1:])",
        "outputs",
        "block2",
    ),
    _fault(
        "activation before batch norm",
        "nnx.relu(self.norm1(self.conv1(x)))",
        "self.norm1(nnx.relu(self.conv1(x)))",
        "outputs",
        "block1",
    ),
    _fault(
        "colours in the opposite order",
        "self.conv(x)",
        "self.conv(x[..., ::-1])",
        "outputs",
        "",
        "reversed axis",
    ),
    _fault(
        "leaky ReLU in PyTorch",
        "h = F.relu(self.norm1(self.conv1(x)))",
        "h = F.leaky_relu(self.norm1(self.conv1(x)), 0.01)",
        "outputs",
        "block1",
        "activation",
        "torch",
    ),
    _fault(
        "edges wrapped around in PyTorch",
        "nn.Conv2d(colours, narrow, 3, padding=1, bias=False)",
        'nn.Conv2d(colours, narrow, 3, padding=1, bias=False, padding_mode="circular")',
        "outputs",
        "conv",
        "",
        "torch",
    ),
    _fault(
        "dilated convolution",
        "outputs, outputs, (3, 3), padding=1,",
        "outputs, outputs, (3, 3), padding=2, kernel_dilation=2,",
        "outputs",
        "block1.conv2",
    ),
    _fault(
        "smoothed labels in PyTorch",
        "F.cross_entropy(outputs, labels)",
        "F.cross_entropy(outputs, labels, label_smoothing=0.1)",
        "loss",
        LOSS,
        "label smoothing",
        "torch",
    ),
    _fault(
        "sum of a cross entropy",
        "(outputs, labels).mean()",
        "(outputs, labels).sum()",
        "loss",
        LOSS,
        "factor",
    ),
)
