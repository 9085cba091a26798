"""Every explanation by a torch call is found where that is what differs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from compare import noise
from compare.pair.explain.table import EXPLANATIONS, Evidence, explain
from torchnets.side.calls import Rewriting, Watching
from torchnets.side.dropout import Dropping
from torchnets.side.operations import attention_over, batch_norm_biased

Function = Callable[[], Tensor]


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.tensor(np.random.default_rng([seed, *shape]).standard_normal(shape))


def evidence(user: Function, port: Function, *, phase: str = "outputs") -> Evidence:
    """The user's function against a port of it, four ulps as the floor."""
    with Watching() as watch:
        ours = user().detach().numpy()
    theirs = port().detach().numpy()
    floor = 4 * noise.ULP["float64"] * max(1.0, float(noise.largest(ours)))

    def score(rewrite) -> float:
        try:
            with Rewriting(rewrite):
                made = user().detach().numpy()
        except (RuntimeError, ValueError, IndexError, TypeError):
            return math.inf
        if made.shape != theirs.shape:
            return math.inf
        return float(noise.largest_distance(theirs, made)) / floor

    before = float(noise.largest_distance(theirs, ours)) / floor
    return Evidence(
        phase=phase,
        jax=theirs,
        torch=ours,
        floor=floor,
        before=before,
        calls=tuple((name, _detached(given)) for name, given in watch.calls),
        score=score,
    )


def _detached(arguments: dict) -> dict:
    """As they come from PyTorch's side: without the graph."""
    return {
        key: value.detach() if isinstance(value, Tensor) else value
        for key, value in arguments.items()
    }


X = draw(3, 5, 8).numpy()
WIDE, TALL, SQUARE = draw(12, 8), draw(8, 12), draw(8, 8, seed=1)
BIAS, SCALE = draw(8), draw(8, seed=1)
IMAGE, KERNEL = draw(2, 3, 7, 6), draw(4, 3, 3, 3, seed=2)
QUERY, KEY, VALUE = (draw(2, 3, 5, 4, seed=seed) for seed in (3, 4, 5))
MASK = draw(5, 5, seed=6) > -0.7
CAUSAL = torch.ones(5, 5, dtype=torch.bool).tril()
IDS = torch.tensor([[1, 4, 2], [0, 3, 3]])


def x() -> Tensor:
    return torch.tensor(X)


def norm(eps: float, bias: Tensor | None = BIAS, scale: Tensor | None = SCALE):
    return lambda: functional.layer_norm(0.1 * x(), (8,), scale, bias, eps)


def dense(weight: Tensor, bias: Tensor | None = BIAS):
    return lambda: functional.linear(x(), weight, bias).tanh()


def act(name: str, **constants):
    return lambda: getattr(functional, name)(x(), **constants) @ WIDE.mT


def attention(query=QUERY, key=KEY, value=VALUE, **constants):
    return lambda: functional.scaled_dot_product_attention(
        query, key, value, **constants
    )


def conv(kernel: Tensor = KERNEL, **constants):
    return lambda: functional.conv2d(IMAGE, kernel, **constants)


def running(momentum: float = 0.1, eps: float = 1e-5, batch=functional.batch_norm):
    def run() -> Tensor:
        mean, variance = torch.zeros(5), torch.ones(5)
        batch(x(), mean, variance, training=True, momentum=momentum, eps=eps)
        return torch.stack([mean, variance])

    return run


def same(stride: int) -> Tensor:
    """7 × 6 by a window of 3 and a stride of 2: nothing in front of the 6."""
    padded = functional.pad(IMAGE, (0, 1, 1, 1))
    return functional.conv2d(padded, KERNEL, stride=stride)


def recurrent(kind: str, order: tuple[int, ...] | None = None, change=None):
    gates = 4 if kind == "lstm" else 3
    rows = [draw(gates * 6, size, seed=7) for size in (8, 6)]
    biases = [draw(gates * 6, seed=seed) for seed in (8, 9)]
    weights = [*rows, *biases]
    if change:
        weights[3] = change(weights[3])
    if order:
        weights = [
            torch.cat([one.chunk(gates)[place] for place in order]) for one in weights
        ]

    def run() -> Tensor:
        start = torch.zeros(1, 3, 6)
        hidden = (start, start) if kind == "lstm" else start
        call = getattr(torch, kind)
        return call(x(), hidden, weights, True, 1, 0.0, True, False, True)[0]

    return run


def heads(exchanged: bool) -> Function:
    def run() -> Tensor:
        split = x().view(3, 5, 4, 2).mT if exchanged else x().view(3, 5, 2, 4)
        split = split.transpose(1, 2)
        return functional.scaled_dot_product_attention(split, split, split)

    return run


def whole(mask=None, keys=None, causal=None, change=lambda rows: rows) -> Function:
    """torch's own multi-head attention: two heads, width 8."""
    projection, last = draw(24, 8, seed=11), draw(8, 8, seed=12)
    offsets = draw(24, seed=13)

    def run() -> Tensor:
        given = x().transpose(0, 1)
        return functional.multi_head_attention_forward(
            given, given, given, 8, 2, change(projection), change(offsets), None,
            None, False, 0.0, last, BIAS, attn_mask=mask, key_padding_mask=keys,
            need_weights=False, is_causal=bool(causal),
        )[0]  # fmt: skip

    return run


def chunked(opposite: bool) -> Function:
    def run() -> Tensor:
        gate, value = x().chunk(2, -1)
        return (value if opposite else gate).sigmoid() * (gate if opposite else value)

    return run


def only(rows: Tensor, factor: float) -> Tensor:
    """The first third, of the queries, times a factor."""
    return torch.cat([rows[:8] * factor, rows[8:]])


PADDED = torch.zeros(3, 5, dtype=torch.bool)
PADDED[0, 3:] = PADDED[2, 4:] = True

CASES: list[tuple[str, Function, Function, str]] = [
    ("eps of a norm", norm(1e-5), norm(1e-6), "eps 1e-06 (it has 1e-05)"),
    (
        "eps of a norm",
        lambda: functional.rms_norm(x(), (8,)),
        lambda: functional.rms_norm(x(), (8,), eps=1e-6),
        "rms_norm has eps 1e-06",
    ),
    (
        "eps of a norm",
        lambda: functional.group_norm(0.1 * x(), 5, eps=1e-5),
        lambda: functional.group_norm(0.1 * x(), 5, eps=1e-3),
        "group_norm has eps 0.001",
    ),
    (
        "eps by hand",
        lambda: x() * (x().square().mean(-1, keepdim=True) + 1e-6).rsqrt(),
        lambda: x() * (x().square().mean(-1, keepdim=True) + 1e-5).rsqrt(),
        "adds 1e-05 where it adds 1e-06",
    ),
    ("GELU", act("gelu"), act("gelu", approximate="tanh"), "the tanh approximation"),
    ("GELU", act("gelu", approximate="tanh"), act("gelu"), "exact"),
    ("activation", act("relu"), act("silu"), "silu in the place of relu"),
    ("activation", act("silu"), act("gelu", approximate="tanh"), "gelu by tanh"),
    (
        "missing activation",
        lambda: functional.relu(x()) @ WIDE.mT,
        lambda: x() @ WIDE.mT,
        "no relu",
    ),
    ("slope", act("leaky_relu"), act("leaky_relu", negative_slope=0.2), "0.2"),
    ("momentum", running(0.1), running(0.9), "momentum 0.9 (it has 0.1"),
    ("momentum", running(0.1), running(0.01), "momentum 0.01"),
    ("biased variance", running(), running(batch=batch_norm_biased), "over n"),
    (
        "variance's correction",
        lambda: x() / x().std(-1, keepdim=True),
        lambda: x() / x().std(-1, keepdim=True, correction=0),
        "correction 0 (it has 1)",
    ),
    (
        "batch or running statistics",
        lambda: functional.batch_norm(x(), BIAS[:5], SCALE[:5].abs(), training=False),
        lambda: functional.batch_norm(x(), None, None, training=True),
        "those of the batch",
    ),
    ("missing bias", dense(SQUARE), dense(SQUARE, None), "linear has no bias"),
    ("missing bias", norm(1e-5), norm(1e-5, None), "layer_norm has no bias"),
    ("missing scale", norm(1e-5), norm(1e-5, scale=None), "has no scale"),
    ("missing scale", norm(1e-5), norm(1e-5, scale=1 + SCALE), "1 + its weight"),
    ("transposed kernel", dense(SQUARE), dense(SQUARE.mT), "linear is transposed"),
    ("transposed kernel", conv(), conv(KERNEL.mT), "conv2d is transposed"),
    ("flipped kernel", conv(), conv(KERNEL.flip(2, 3)), "flipped in space"),
    ("gates", recurrent("lstm"), recurrent("lstm", (0, 2, 1, 3)), "i, g, f, o"),
    ("gates", recurrent("gru"), recurrent("gru", (1, 0, 2)), "z, r, n"),
    (
        "recurrent bias",
        recurrent("gru"),
        recurrent("gru", change=lambda b: torch.cat([b[:12], 0 * b[12:]])),
        "hidden part of n",
    ),
    (
        "recurrent nonlinearity",
        lambda: torch.rnn_tanh_cell(x()[0], BIAS.expand(5, 8), SQUARE, SQUARE),
        lambda: torch.rnn_relu_cell(x()[0], BIAS.expand(5, 8), SQUARE, SQUARE),
        "rnn_relu_cell in the place of rnn_tanh_cell",
    ),
    ("attention's scale", attention(), attention(scale=1.0), "not scaled"),
    ("attention's scale", attention(), attention(scale=0.25), "1/4"),
    (
        "attention's scale",
        whole(),
        whole(change=lambda rows: only(rows, 2.0)),
        "not scaled",
    ),
    (
        "inverted mask",
        attention(attn_mask=MASK),
        attention(attn_mask=~MASK),
        "inverted",
    ),
    (
        "inverted mask",
        whole(keys=PADDED & CAUSAL[2]),
        whole(keys=~(PADDED & CAUSAL[2])),
        "mask of keys",
    ),
    (
        "shifted mask",
        attention(is_causal=True),
        attention(attn_mask=torch.ones(5, 5, dtype=torch.bool).tril(1)),
        "one position ahead",
    ),
    (
        "shifted mask",
        whole(mask=~CAUSAL),
        whole(mask=torch.ones(5, 5).triu(2) * -1e30),
        "one position ahead",
    ),
    (
        "shifted mask",
        attention(attn_mask=CAUSAL),
        attention(attn_mask=torch.full((5, 5), -1e30).triu(0)),
        "not see itself",
    ),
    (
        "shifted mask",
        lambda: x()[:, :, :5].tril() @ x(),
        lambda: x()[:, :, :5].tril(-1) @ x(),
        "diagonal -1 (it has 0)",
    ),
    ("missing mask", attention(is_causal=True), attention(), "has no mask"),
    ("added mask", attention(), attention(is_causal=True), "is causal"),
    ("missing mask", whole(mask=~CAUSAL), whole(), "has no mask"),
    (
        "mask of 0 and 1",
        attention(attn_mask=MASK),
        attention(attn_mask=MASK * 1.0),
        "as 0",
    ),
    (
        "softmax axis",
        lambda: x().softmax(-1) @ SQUARE,
        lambda: x().softmax(1) @ SQUARE,
        "over axis 1 (it is over axis 2)",
    ),
    (
        "softmax axis",
        attention(),
        lambda: attention_over(QUERY, KEY, VALUE, -2),
        "over the queries",
    ),
    (
        "missing softmax",
        lambda: x().softmax(-1) @ SQUARE,
        lambda: x() @ SQUARE,
        "no softmax",
    ),
    (
        "missing softmax",
        lambda: x().softmax(-1) @ SQUARE,
        lambda: x().log_softmax(-1) @ SQUARE,
        "log_softmax in the place of softmax",
    ),
    (
        "query, key, value",
        attention(),
        attention(KEY, QUERY, VALUE),
        "key, query, value",
    ),
    (
        "query, key, value",
        whole(),
        whole(change=lambda r: torch.cat([r[8:16], r[:8], r[16:]])),
        "key, query, value",
    ),
    ("order of heads", heads(False), heads(True), "exchanged"),
    (
        "residual",
        lambda: x() + dense(SQUARE)(),
        dense(SQUARE),
        "second term of a sum of two (add) alone",
    ),
    (
        "residual",
        lambda: x() + dense(SQUARE)(),
        lambda: 2 * x() + dense(SQUARE)(),
        "first term twice",
    ),
    (
        "embedding's scale",
        lambda: functional.embedding(IDS, WIDE) + BIAS,
        lambda: functional.embedding(IDS, WIDE) * 8**0.5 + BIAS,
        "scaled by √8",
    ),
    (
        "constant inside",
        lambda: (x() / 3).tanh() @ SQUARE,
        lambda: x().tanh() @ SQUARE,
        "does not divide by 3",
    ),
    (
        "mean or sum",
        lambda: x().mean(1).tanh() @ SQUARE,
        lambda: x().sum(1).tanh() @ SQUARE,
        "a sum in the place of a mean",
    ),
    (
        "mean or sum",
        lambda: functional.mse_loss(x(), x().tanh()) + x().sum(),
        lambda: functional.mse_loss(x(), x().tanh(), reduction="sum") + x().sum(),
        "mse_loss is a sum",
    ),
    (
        "loss",
        lambda: functional.mse_loss(x(), x().tanh()),
        lambda: functional.huber_loss(x(), x().tanh(), delta=1.0) + 0,
        "huber_loss in the place of mse_loss",
    ),
    (
        "loss",
        lambda: functional.mse_loss(x(), x().sin()),
        lambda: functional.l1_loss(x(), x().sin()),
        "l1_loss in the place of mse_loss",
    ),
    (
        "label smoothing",
        lambda: functional.cross_entropy(WIDE, IDS[0].repeat(4), label_smoothing=0.1),
        lambda: functional.cross_entropy(WIDE, IDS[0].repeat(4)),
        "does not smooth",
    ),
    (
        "reduced axis",
        lambda: draw(4, 6, 6).mean(1).tanh(),
        lambda: draw(4, 6, 6).mean(2).tanh(),
        "over axis 2",
    ),
    (
        "flatten order",
        lambda: x().flatten(1) @ draw(40, 3),
        lambda: x().movedim(1, -1).flatten(1) @ draw(40, 3),
        "NHWC",
    ),
    ("SAME padding", conv(stride=2, padding=1), lambda: same(2), "as SAME does"),
    (
        "padding counted",
        lambda: functional.avg_pool2d(IMAGE, 3, 2, 1),
        lambda: functional.avg_pool2d(IMAGE, 3, 2, 1, count_include_pad=False),
        "what is not padding",
    ),
    (
        "average or maximum",
        lambda: functional.avg_pool2d(IMAGE, 2),
        lambda: functional.max_pool2d(IMAGE, 2),
        "max_pool2d in the place of avg_pool2d",
    ),
    (
        "kind of norm",
        norm(1e-5, None),
        lambda: functional.rms_norm(0.1 * x(), (8,), SCALE, 1e-5),
        "rms_norm in the place of layer_norm",
    ),
    ("missing norm", norm(1e-5), lambda: 0.1 * x(), "no layer_norm"),
    (
        "number of heads or groups",
        lambda: functional.group_norm(IMAGE.transpose(1, 3), 3).tanh(),
        lambda: functional.group_norm(IMAGE.transpose(1, 3), 2).tanh(),
        "2 groups (it has 3)",
    ),
    (
        "positions",
        lambda: functional.embedding(IDS, WIDE) + BIAS,
        lambda: functional.embedding(IDS + 1, WIDE) + BIAS,
        "one more",
    ),
    (
        "interpolation",
        lambda: functional.interpolate(IMAGE, size=(3, 4), mode="bilinear"),
        lambda: functional.interpolate(
            IMAGE, size=(3, 4), mode="bilinear", antialias=True
        ),
        "antialias",
    ),
    ("order of chunks", chunked(False), chunked(True), "opposite order"),
]


@pytest.mark.parametrize(
    ("name", "user", "port", "says"),
    CASES,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)],
)
def test_call(name: str, user: Function, port: Function, says: str) -> None:
    """The port differs by one switch, which is found and named."""
    given = evidence(user, port)
    assert given.before > 1000 * noise.LIMIT
    cause = explain(given)
    assert cause is not None
    assert (cause.name, says in cause.says) == (name, True), cause
    assert cause.after <= noise.LIMIT
    assert cause.before == given.before


@pytest.mark.parametrize("user", [case[1] for case in CASES])
def test_honest(user: Function) -> None:
    """A port that is the same needs no cause."""
    assert explain(evidence(user, user)) is None


def pulled(function: Callable[[Tensor], Tensor], given: Tensor) -> Function:
    """The gradient of the sum of squares of a function, by its argument."""

    def run() -> Tensor:
        leaf = given.clone().requires_grad_()
        (slope,) = torch.autograd.grad((function(leaf) ** 2).sum(), leaf)
        return slope

    return run


GRADIENTS = [
    (
        "cut gradient",
        lambda x: x + (x @ SQUARE).tanh(),
        lambda x: x.detach() + (x @ SQUARE).tanh(),
        "through the input of PyTorch's add",
    ),
    (
        "slope at a kink",
        lambda x: functional.relu(x) + 1,
        lambda x: torch.maximum(x, torch.zeros(())) + 1,
        "at 0 is a half",
    ),
    (
        "eps of a norm",
        lambda x: functional.layer_norm(x, (8,), SCALE, BIAS, 1e-5),
        lambda x: functional.layer_norm(x, (8,), SCALE, BIAS, 1e-6),
        "eps 1e-06",
    ),
    (
        "padding index",
        lambda x: functional.embedding(IDS[0] % 4, x, padding_idx=2).sin(),
        lambda x: functional.embedding(IDS[0] % 4, x).sin(),
        "a gradient for row 2 too",
    ),
]


@pytest.mark.parametrize(("name", "user", "port", "says"), GRADIENTS)
def test_gradient(name: str, user, port, says: str) -> None:
    """Gradients flow through what is rewritten."""
    given = x()[0] * (x()[0].abs() > 0.3)  # with zeros, at kinks
    told = evidence(pulled(user, given), pulled(port, given), phase="gradients")
    cause = explain(told)
    assert cause is not None
    assert (cause.name, says in cause.says) == (name, True), cause


DROPPED = [
    (lambda kept: kept * 0.6, "does not scale what it keeps"),
    (lambda kept: x(), "no dropout"),
]


@pytest.mark.parametrize(("change", "says"), DROPPED)
def test_dropout(change: Callable[[Tensor], Tensor], says: str) -> None:
    """With masks that are drawn alike for both."""

    uniforms = np.random.default_rng(0).random(X.shape)

    def user() -> Tensor:
        return functional.dropout(x(), 0.4).tanh()

    def port() -> Tensor:
        return change(functional.dropout(x(), 0.4)).tanh()

    with Dropping(lambda number, shape: uniforms):
        cause = explain(evidence(user, port))
    assert cause is not None
    assert (cause.name, says in cause.says) == ("dropout", True), cause


def test_one_call_alone() -> None:
    """Of three layers, the second has another eps."""

    def stack(*eps: float) -> Function:
        def run() -> Tensor:
            made = x()
            for one in eps:
                made = functional.layer_norm(made, (8,), SCALE, BIAS, one)
            return made

        return run

    cause = explain(evidence(stack(1e-5, 1e-5, 1e-5), stack(1e-5, 1e-6, 1e-5)))
    assert cause is not None
    assert cause.says == (
        "matches if PyTorch's layer_norm has eps 1e-06 (it has 1e-05), in call 2 of 3 "
        "alone"
    )
    cause = explain(evidence(stack(1e-5, 1e-5), stack(1e-6, 1e-6)))
    assert cause is not None
    assert cause.says.endswith("(it has 1e-05), in all its 2 calls")


def test_the_right_one_wins() -> None:
    """Of one row without a bias, another eps is a factor too; 2 is no eps."""

    def row(eps: float, factor: float = 1.0) -> Function:
        return lambda: factor * functional.layer_norm(0.1 * x()[0, 0], (8,), eps=eps)

    cause = explain(evidence(row(1e-5), row(1e-6)))
    assert cause is not None
    assert cause.name == "eps of a norm"
    cause = explain(evidence(row(1e-5), row(1e-5, 2.0)))
    assert cause is not None
    assert cause.name == "factor"


def test_in_part() -> None:
    """Another eps and a difference ten thousand times smaller: not a match."""
    cause = explain(
        evidence(norm(1e-3), lambda: norm(1e-6)() + 1e-10 * x().sin()),
    )
    assert cause is not None
    assert cause.name == "eps of a norm"
    assert cause.says.startswith(
        "matches nearly, but not wholly, if PyTorch's layer_norm"
    )
    assert noise.LIMIT < cause.after <= cause.before / 1000


def test_unexplained() -> None:
    """What nothing in the table does is not explained."""
    assert explain(evidence(norm(1e-5), lambda: norm(1e-5)() + 0.3 * x() ** 3)) is None


def test_mode() -> None:
    """Train against eval mode is told by the score in the other mode."""
    model = nn.BatchNorm1d(5)
    user = lambda: model.eval()(x())  # noqa: E731
    port = lambda: model.train()(x())  # noqa: E731
    given = evidence(user, port)
    told = Evidence(
        phase="outputs",
        jax=given.jax,
        torch=given.torch,
        floor=given.floor,
        before=given.before,
        other_mode=lambda: 0.5,
    )
    cause = explain(told)
    assert cause is not None
    assert cause.name == "train or eval mode"
    assert cause.after == 0.5


def test_names_are_unique() -> None:
    names = [entry.name for entry in EXPLANATIONS]
    assert len(names) == len(set(names)) >= 30


def test_every_entry_is_planted() -> None:
    """No entry is without a difference that it explains."""
    from tests.test_pair_explain_arrays import CASES as ARRAYS
    from tests.test_pair_explain_optimizers import CASES as OPTIMIZERS

    tables = itertools.chain(CASES, GRADIENTS, ARRAYS, OPTIMIZERS)
    planted = {case[0] for case in tables} | {"train or eval mode", "dropout"}
    assert {entry.name for entry in EXPLANATIONS} == planted
