"""`compare_pair` and `assert_equivalent`: a user's own two models, compared."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any, Literal

from compare import result
from compare.fault import Side
from compare.measure import cast
from compare.pair import adequacy, inputs, layout, modes, start
from compare.pair.ask import Ask, ask
from compare.pair.both import Both, Model, Point
from compare.pair.causes import Causes, causes
from compare.pair.compared import compare, told
from compare.pair.hidden import hidden
from compare.pair.layout import Letters
from compare.pair.progress import Progress
from compare.pair.report import PairReport, crashed
from compare.pair.settled import settled_map
from compare.pair.weights.find import find
from compare.pair.weights.proof import prove
from compare.pair.wrong import Raised, Wrong, of
from compare.result import Example, Row

RUNTIMES = {"jax": "jaxnets.side.runtime", "torch": "torchnets.side.runtime"}


def compare_pair(
    torch_model: Any,
    jax_model: Any,
    inputs: Any,
    *,
    name: str = "pair",
    loss: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
    targets: Any = (),
    optimizers: tuple[Any, Any] | None = None,
    steps: int = 20,
    copy: Literal["torch", "jax", "none"] | None = "torch",
    rename: Mapping[str, str | None] | None = None,
    transform: Mapping[str, Callable[..., Any]] | None = None,
    layout: Letters | Mapping[str, Letters] | None = None,
    randomize: bool = True,
    dropout: Literal["masks", "off"] = "masks",
    seed: int = 0,
) -> PairReport:
    """Compare a PyTorch model with a JAX model: outputs, gradients, optimizer steps.

    `torch_model` is an `nn.Module` or a function of tensors; `jax_model` an
    `nnx.Module`, `(linen_module, variables)`, `(function, params)` with any pytree, a
    callable pytree, or a function of the inputs alone. `inputs` are NumPy arrays: one,
    a tuple (positional), a dict (by name), or a function of a `numpy.random.Generator`
    that draws them (anew for every step). Both models are copied and left as they are.

    `loss`: PyTorch's and JAX's, `(outputs, *targets) -> scalar`; without one, outputs
    times random cotangents are added up. `optimizers`: a function of PyTorch's
    parameters that makes one (or one and its scheduler), and an optax transformation;
    they take `steps` steps. `copy`: whose weights the other gets. `rename` maps
    patterns of PyTorch's paths to JAX's (None: it has no partner), `transform` a path
    to a function that lays out its weight as JAX has it. `layout`: axes that are in
    another order, `("NCHW", "NHWC")` or by name. `randomize`: parameters that are 0 or
    1 everywhere are drawn, for a zero bias hides a missing one. `dropout`: the same
    masks on both sides, or none.

    Raises `Wrong` (a ValueError) for what cannot be compared at all; what a model
    raises is a failing row of the report.
    """
    __tracebackhide__ = True
    try:
        asked = ask(
            name=name,
            inputs=inputs,
            loss=loss,
            targets=targets,
            optimizers=optimizers,
            steps=steps,
            copy=copy,
            rename=rename,
            transform=transform,
            layout=layout,
            randomize=randomize,
            dropout=dropout,
            seed=seed,
        )
        return _compared(torch_model, jax_model, asked)
    except Wrong as error:  # the user's mistake: nobody needs to see our frames
        raise error.with_traceback(None) from None


def _compared(torch_model: Any, jax_model: Any, asked: Ask) -> PairReport:
    say = Progress(asked.name)
    facts = _facts(asked, torch_model, jax_model)
    try:
        drawn = inputs.draw(asked.inputs, seed=asked.seed, purpose="pair inputs 0")
        both = _open(torch_model, jax_model, asked, drawn, facts["warnings"])
        rows, found = _run(both, asked, drawn, facts, say)
    except Raised as error:
        rows, found = [crashed(str(error))], Causes()
    verdict = result.verdict(rows)
    rows = sorted(rows, key=result.in_order)
    facts |= found.facts()
    example = Example(asked.name, "pair", verdict, say.seconds, rows, facts)
    return PairReport(example, asked.seed, found.failing)


def assert_equivalent(
    torch_model: Any, jax_model: Any, inputs: Any, **options: Any
) -> PairReport:
    """Raise AssertionError, with everything that differs, unless both models match.

    Takes what `compare_pair` takes; returns its report.
    """
    __tracebackhide__ = True
    report = compare_pair(torch_model, jax_model, inputs, **options)
    if not report.passed:
        raise AssertionError(str(report))
    return report


def _facts(asked: Ask, torch_model: Any, jax_model: Any) -> dict[str, Any]:
    return {
        "models": {"torch": _called(torch_model), "jax": _called(jax_model)},
        "dropout": asked.dropout,
        "copied": asked.copy,
        "warnings": [],
    }


def _open(
    torch_model: Any,
    jax_model: Any,
    asked: Ask,
    drawn: inputs.Arrays,
    warnings: list[str],
) -> Both:
    """Copies of both models, and the map of their weights; adds what is to be said."""
    torch_loss, jax_loss = asked.loss or (None, None)
    axes = layout.parse(asked.layout)
    if void := adequacy.empty(drawn):
        raise Wrong(f"inputs: expected arrays with numbers in them, got {void[0]}")
    axes.check("inputs", drawn)
    torch = _model("torch", torch_model, torch_loss)
    jax = _met(_model("jax", jax_model, jax_loss), axes.to_jax("inputs", drawn))
    warnings += [*_halves(torch), *_halves(jax)]
    for one in (torch, jax):
        warnings += adequacy.of_frozen(one.name, one.runtime.frozen(one.subject))
    mapped = bool(torch.leaves) and bool(jax.leaves)
    if not mapped and (torch.leaves or jax.leaves):
        owner = torch if torch.leaves else jax
        warnings.append(
            f"{owner.name}'s {len(owner.leaves)} parameters have no partner, for the "
            "other side is a function of the inputs alone: only outputs and the "
            "gradients of inputs are compared"
        )
    described = (torch.leaves, torch.modules, jax.leaves, jax.modules)
    found = find(
        *(described if mapped else ([], [], [], [])),
        rename=asked.rename,
        transform=asked.transform,
    )
    jax = modes.trained(torch, jax, found)
    draws = inputs.draws(axes, seed=asked.seed) if asked.dropout == "masks" else {}
    return Both(torch, jax, found, axes, draws, start.without_partner(found, jax))


def _model(framework: Side, model: Any, loss: Any) -> Model:
    """A copy of a model; raises `Wrong` for what is none, or one of the other side."""
    runtime = import_module(RUNTIMES[framework])
    try:
        subject = runtime.open_model(model)
    except (TypeError, ValueError) as error:
        raise Wrong(str(error)) from error
    return Model(framework, runtime, subject, model, loss)


def _met(model: Model, drawn: inputs.Arrays) -> Model:
    """A model whose layers are known only once it is called."""
    with model.runtime.session("float32"), of(model.name, "a first call"):
        given = cast(drawn, "float32")
        return replace(model, subject=model.runtime.meet(model.subject, given))


def _halves(model: Model) -> list[str]:
    found = start.halves(model)
    if not found:
        return []
    return [
        f"{model.name}'s model is in half precision ({found[0]} and {len(found) - 1} "
        "more): it is compared in float64 and float32, not as it is"
    ]


def _called(model: Any) -> str:
    first = model[0] if isinstance(model, tuple) and model else model
    return getattr(first, "__name__", type(first).__name__)


def _run(
    both: Both,
    asked: Ask,
    drawn: inputs.Arrays,
    facts: dict[str, Any],
    say: Progress,
) -> tuple[list[Row], Causes]:
    """Everything after the models are open; raises `Raised`. Fills in the facts."""
    facts["warnings"] += adequacy.warnings(drawn, both.torch.modules)
    state, anew = start.weights(
        both, copy=asked.copy, randomize=asked.randomize, seed=asked.seed
    )
    both, settled = settled_map(both, Point("eval", False, state, drawn, pulls=False))
    problems = prove(both.map, state)
    facts |= {
        "weights": both.map.table(),
        "notes": [*both.map.notes, *settled, *_anew(anew)],
    }
    rows = [start.mapped(problems)] if both.map.entries else []
    if asked.copy == "none":
        rows += start.as_they_are(both)
    found = compare(both, asked, state, drawn, say)
    facts |= {"spots": told(found.ledger.spots), "mode": [*found.points]}
    facts["warnings"] += adequacy.of_outputs(found.outputs())
    facts["warnings"] += adequacy.of_gradients(found.traces)
    facts["warnings"] += modes.warnings(both, found.points)
    facts["notes"] += [
        f"the optimizers' {slot} has no partner of that name: it is not compared, the "
        "updates that it makes are"
        for slot in found.ledger.lone_slots
    ]
    with _going_on("layers could not be judged each alone", facts["warnings"]):
        found.rows.extend(hidden(found))
    why = Causes()
    with _going_on("where and why could not be found out", facts["warnings"]):
        why = causes(found, say)
    return rows + found.rows, why


@contextmanager
def _going_on(lacks: str, warnings: list[str]) -> Iterator[None]:
    """The rows stand, whatever becomes of a search."""
    try:
        yield
    except Exception as error:
        warnings.append(f"{lacks}: {type(error).__name__}: {error}")


def _anew(paths: list[str]) -> list[str]:
    if not paths:
        return []
    return [
        f"{len(paths)} parameters were 0 or 1 everywhere and were drawn at random for "
        f"the check ({adequacy.some(paths)}); "
        "randomize=False keeps them"
    ]
