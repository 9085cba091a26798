"""A framework made of NumPy: the runtime's verbs, for a line with momentum.

ŷ = x w + b, loss = mean (ŷ − y)², m ← momentum m + g, θ ← θ − learning_rate m. The twin
holds only numbers; `slope` spoils the gradient, as a wrong framework would, and
`jitter` is noise of its own in every gradient.
"""

from types import ModuleType

import numpy as np

LEAVES = ("w", "b")


def twin(*, learning_rate=0.1, momentum=0.5, slope=2.0, jitter=0.0) -> ModuleType:
    made = ModuleType("line_twin")
    exec(
        "def build(*, inputs=2): ...\n"
        f"def build_optimizer(model, *, learning_rate={learning_rate}, "
        f"momentum={momentum}, nesterov=False): ...\n"
        "def train_step(model, optimizer, batch): ...\n",
        made.__dict__,
    )
    made.__dict__["slope"] = slope
    made.__dict__["jitter"] = jitter
    made.__dict__["noise"] = np.random.default_rng(0)
    return made


def prepare(twin, *, device, accumulates):
    return twin


def load(twin, state):
    zeros = {f"optimizer/momentum/{n}": state[f"parameters/{n}"] * 0 for n in LEAVES}
    return zeros | {name: value.copy() for name, value in state.items()}


def dump(twin, live):
    return {name: value.copy() for name, value in live.items()}, []


def feed(twin, arrays):
    return {name: value.copy() for name, value in arrays.items()}


def to_numpy(value):
    return value.copy()


def predict(twin, live, inputs):
    return inputs["x"] @ live["parameters/w"] + live["parameters/b"]


def _gradients(twin, live, batch):
    residual = predict(twin, live, batch) - batch["y"]
    factor = twin.slope * (1 + twin.jitter * twin.noise.standard_normal())
    slope = residual * residual.dtype.type(factor / residual.size)
    return np.mean(residual**2), {"w": batch["x"].T @ slope, "b": slope.sum(axis=0)}


def one_step(twin, state, batch, *, function="train_step", constants=None):
    live = load(twin, state)
    given = {**twin.build_optimizer.__kwdefaults__, **(constants or {})}
    loss, gradients = _gradients(twin, live, batch)
    after = dict(live)
    for leaf, gradient in gradients.items():
        moving = after[f"optimizer/momentum/{leaf}"] * given["momentum"] + gradient
        if function == "train_step_again":
            moving = moving * 2
        after[f"optimizer/momentum/{leaf}"] = moving
        after[f"parameters/{leaf}"] = (
            after[f"parameters/{leaf}"] - given["learning_rate"] * moving
        )
    return {
        "outputs": predict(twin, live, batch),
        "loss": np.asarray(loss),
        "returned": np.asarray(loss),
        "gradients": gradients,
        "after": after,
        "unused": [],
    }


def many_steps(twin, live, shared, stacked, *, steps, stops, record, record_steps):
    losses, states = np.zeros(steps, live["parameters/w"].dtype), {}
    recorded = {leaf: [] for leaf in record}
    for step in range(steps + 1):
        if step in stops:
            states[step] = dump(twin, live)[0]
        if step == steps:
            break
        batch = shared | {name: rows[step] for name, rows in stacked.items()}
        result = one_step(twin, live, batch)
        live, losses[step] = result["after"], result["returned"]
        if step < record_steps:
            for leaf in record:
                recorded[leaf].append(live[f"parameters/{leaf}"])
    return losses, {leaf: np.stack(rows) for leaf, rows in recorded.items()}, states


def low_precision(twin, state, batch):
    return {}
