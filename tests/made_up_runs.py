"""Made-up runs: a plain one, and all that can be odd about a run, for any report."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf, nan
from typing import Any

import made_up_pairs as pairs
import made_up_times as times

from compare import result
from compare.baseline import Change
from compare.result import PHASES, Example, Row, Run
from compare.timing import Claim, Crossover, Sweep

TRAINING, LESSON, OTHER = "line_linear", "tensors", "two_layer_adam"
"""Real names, so that what a report says of their specs and twins can be seen."""
HOSTILE: Mapping[str, str] = {
    "script": "<script>alert(1)</script>",
    "quotes": "\"it's\" “quoted” onload='x'",
    "end of character data": "]]>",
    "entity": "&amp; &lt;b&gt; &",
    "right to left": "a\u202egnp.exe\u202c",
    "control character": "bell \x07 escape \x1b[31m",
    "long": "x" * 300,
    "rich markup": "[bold]not bold[/bold] [/]",
    "table": "a | b \\| c",
    "code": "`code` ```",
    "lines": "first\nsecond\r\n\tthird\u2028fourth",
    "path": "../../etc/passwd",
    "template": "{{ 7 * 7 }} {% raw %}",
    "mention": "@everyone #1 https://example.org www.example.org",
    "emphasis": "_a_ *b* ~~c~~ [d](javascript:alert(1)) $e$",
    "no character": "\ufffe\U0001f600 e\u0301",
    "empty": "",
}
"""By what is odd about them; all can be written as JSON."""


def row(phase: str = "loss", **changes: Any) -> Row:
    """A row that passed, but for what is given."""
    given: dict[str, Any] = {
        "phase": phase,
        "quantity": phase,
        "leaf": "",
        "step": 0,
        "precision": "float64",
        "error": 2e-17,
        "floor": 1e-16,
        "score": 0.2,
        "verdict": "rounding",
    }
    return Row(**given | changes)


def whole(verdict: result.Verdict, why: str) -> Row:
    """What a run says of an example that has nothing else to say."""
    return Row("data", "run", "", None, "", None, None, None, verdict, why)


def example(name: str = TRAINING, *rows: Row, **changes: Any) -> Example:
    """These rows in order, with what they amount to."""
    given: dict[str, Any] = {
        "name": name,
        "kind": "training",
        "verdict": changes.get("verdict") or result.verdict(rows),
        "seconds": 1.5,
        "checks": sorted(rows, key=result.in_order),
        "facts": {"horizon": 10, "metric": {"jax": {"mse": 0.5}}},
    }
    return Example(**given | changes)


def run(*examples: Example, **changes: Any) -> Run:
    """A run of these examples."""
    environment = {
        "date": "2026-11-22T05:59:32+00:00",
        "python": "3.11.7",
        "cores": 2,
        "packages": {"jax": "0.10.2", "torch": "2.13.0"},
        "command": ["twinnets", "run"],
        "settings": {"device": "cpu", "effort": {"copies": 4}},
        "cpu seconds": {"imports": 1.25, "computing": 3.75},
    }
    given: dict[str, Any] = {
        "run": "a run",
        "seed": 0,
        "environment": environment,
        "examples": [*examples],
    }
    return Run(**given | changes)


def training(name: str = TRAINING, *others: Row, steps: int = 3) -> Example:
    """Rows of all phases, both precisions and several steps; these others too."""
    rows = [
        row(phase, leaf=leaf, step=step, precision=precision, score=0.1 * (step + 1))
        for phase in PHASES
        for leaf in ("weight", "bias")
        for step in range(steps)
        for precision in ("float64", "float32")
    ]
    return example(name, *rows, *others)


def lesson() -> Example:
    """Rows without steps, some of them exact, stated differences and one skipped."""
    kind = {"leaf": "kind", "error": 0.0, "floor": None, "score": None}
    rows = [
        row("outputs", quantity="sum", step=None),
        row("outputs", quantity="sum", step=None, verdict="bitwise", **kind),
        row("oracle", quantity="sum of jax", step=None, index=[0], jax=1.0),
        row("outputs", quantity="mean", step=None, verdict="differs", why="stated"),
        row("outputs", quantity="gpu", step=None, verdict="skipped", why="needs a GPU"),
    ]
    return example(LESSON, *rows, kind="lesson", facts={})


def plain() -> Run:
    """Three examples that pass: a training, a lesson, one with less precision."""
    loose = row(
        "update",
        leaf="weight",
        step=2,
        precision="float32",
        error=1e-5,
        floor=5e-7,
        score=20.0,
        verdict="precision",
        why="computes in float32: exp",
    )
    return run(training(), lesson(), training(OTHER, loose))


def mismatch() -> Run:
    """One training of which exactly one phase fails, in two rows."""
    wrong = row(
        "gradients",
        leaf="weight",
        step=1,
        error=0.25,
        floor=1e-16,
        score=2.5e15,
        verdict="semantic",
        why="the gradient is doubled",
        index=[1, 0],
        jax=0.5,
        torch=0.25,
    )
    return run(training(TRAINING, wrong, replace(wrong, step=2, score=2e15)))


def crashed() -> Run:
    """A worker that died before anything, one later, and an example without rows."""
    died = whole("crashed", "the worker died:\n  Traceback\n  MemoryError")
    later = row("update", verdict="crashed", error=None, score=None, why="not finite")
    empty = example(LESSON, kind="lesson", verdict="crashed", facts={})
    return run(example(TRAINING, died, facts={}), training(OTHER, later), empty)


def skipped() -> Run:
    """A framework is missing: one side alone, and nothing at all."""
    why = "torch is not installed: pip install torch"
    alone = row("oracle", quantity="sum of jax", step=None, jax=1.0)
    return run(
        example(TRAINING, whole("skipped", why), alone, verdict="skipped"),
        example(LESSON, whole("skipped", why), kind="lesson", facts={}),
    )


def unresolved() -> Run:
    """One training in which nothing was resolved of one quantity."""
    lost = {"leaf": "noise", "floor": 1.0, "score": 1e-3, "verdict": "unresolved"}
    rows = [row("gradients", step=step, **lost) for step in (0, 1)]
    return run(training(TRAINING, *rows))


def hostile_names() -> Run:
    """Every hostile text wherever a run has text; each example fails in one phase."""
    return run(
        *(training(name, _hostile(name)) for name in HOSTILE.values()),
        run=HOSTILE["script"],
        environment={name: {name: [name]} for name in HOSTILE.values()},
    )


def _hostile(name: str) -> Row:
    said = {"quantity": name, "leaf": name, "step": name, "why": name}
    return row(name, verdict="semantic", index=[0], **said)


def not_finite() -> Run:
    """Numbers that are none, in every place that may have none in run.json."""
    rows = [
        row(
            "loss",
            step=step,
            error=value,
            floor=value,
            score=value,
            verdict=verdict,
            index=[0],
            jax=value,
            torch=1.0,
        )
        for step, value in enumerate((nan, inf, -inf, None))
        for verdict in ("rounding", "semantic")
    ]
    return run(
        example(TRAINING, *rows, facts={"metric": {"jax": {"mse": nan, "x": inf}}}),
        run=" ",
        environment={"memory": nan},
    )


def empty() -> Run:
    """Nothing was asked for."""
    return run(environment={})


def cut_off() -> Run:
    """A run that was killed after its first example."""
    return run(training(), environment={"examples": [TRAINING, LESSON]})


def one_step() -> Run:
    """A training of one step."""
    return run(training(steps=1))


def with_times() -> Run:
    """Two trainings' times, all outcomes, verdicts and claims, whatever is left out."""
    timings = [
        times.timing("JAX jit", 1.00e-3, 1.02e-3, 0.99e-3, operations=1e6),
        times.timing("JAX jit again", 1.01e-3, 1.00e-3),
        times.timing("PyTorch eager", 2e-3),
        times.timing("JAX jit", 9e-3, batch=64),
        times.lost("JAX scan", "not equivalent", "a loss is off by 0.5"),
        times.lost("PyTorch tuned", "failed", "the worker died"),
        times.timing("JAX jit", 3e-3, 3.1e-3, example=OTHER),
        times.lost("PyTorch compile", "left out", "no graph", example=OTHER),
    ]
    said = {True: "time grows", False: "waits", None: "JAX scan is not slower"}
    both = ("JAX jit", "PyTorch eager")
    none = {"low": None, "high": None, "band": None}
    return replace(
        plain(),
        timings=timings,
        ratios=[
            times.ratio("JAX jit again", "JAX jit", 1.005, verdict="SAME"),
            times.ratio(*both, 0.5, fastest=True, unlike=["threads: 1, 2"]),
            times.ratio(*both, 1.0, verdict="UNDECIDED", example=OTHER, **none),
        ],
        claims=[Claim(TRAINING, says, holds, "why") for holds, says in said.items()],
        sweeps=[
            Sweep(TRAINING, "jax", "jit", [8, 64], 1e-5, 0.0, 2e-5, 1e9, 9e8, 2e9, 0.1),
            Sweep(TRAINING, "torch", "eager", [8, 64], 0.0, *[None] * 5, worst=0.0),
        ],
        crossovers=[
            Crossover(TRAINING, *both, 123.4),
            Crossover(OTHER, *both, None),
        ],
        changes=[
            Change(TRAINING, "jax", "jit", None, "float32", 1.3, 1.2, 1.4, "regressed"),
            Change(TRAINING, "jax", "jit", 64, "float32", 1.0, None, None, "undecided"),
            Change(OTHER, "jax", "jit", None, "float32", None, None, None, "new"),
        ],
    )


def of_pairs() -> Run:
    """Users' own models alone: one that passes, one that differs and says why."""
    told = plain().environment | {"command": ["twinnets", "pair", "a.py::a"]}
    return run(pairs.passing(), pairs.failing(), environment=told)


def odd_pairs() -> Run:
    """Hostile names in all that a pair tells, and facts that nobody expects."""
    named_alike = pairs.passing(TRAINING)
    hostile = map(pairs.hostile, HOSTILE.values())
    odd = map(pairs.odd, range(len(pairs.ODD)))
    return run(training(OTHER), named_alike, *hostile, *odd)


RUNS: tuple[Callable[[], Run], ...] = (
    plain,
    mismatch,
    crashed,
    skipped,
    unresolved,
    hostile_names,
    not_finite,
    empty,
    cut_off,
    one_step,
    with_times,
    of_pairs,
    odd_pairs,
)
"""All of them, for `pytest.mark.parametrize`."""
