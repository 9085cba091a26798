"""`twinnets train`: progress, losses, what was fitted."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from compare import trained
from compare.command import bar_of
from compare.spec import prepare
from compare.train import Plan, Trained, train, true_predictions

COLUMNS = 3
"""As many losses of a sweep are shown beside each other."""


def execute(plan: Plan, picture: Path | None, run: Path | None) -> None:
    """Train, say what came of it, keep it with a run, draw it; raises OSError."""
    with bar_of(Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(plan.example, total=plan.steps)
        found = train(plan, done=lambda step: progress.update(bar, completed=step))
    console = Console()
    if plan.constants:
        console.print(_sweep(plan, found))
    else:
        _one(plan, found[0], console)
    if run is not None:
        where = trained.save(run, plan, found)
        console.print(f"[dim]{where}[/]", highlight=False, soft_wrap=True)
    if picture is not None:
        _draw(plan, found, picture)
        console.print(f"[dim]{picture}[/]", highlight=False, soft_wrap=True)


def _draw(plan: Plan, found: Sequence[Trained], picture: Path) -> None:
    from compare import plot  # takes a second to import

    data = prepare(plan.spec, plan.seed).data
    plot.draw(plan, found, picture, data=data, truth=true_predictions(plan))


def _printed(plan: Plan) -> list[int]:
    """The steps whose loss the notebook prints; the last one where there is none."""
    steps = [step for step in plan.spec.printed if step < plan.steps]
    return steps or ([plan.steps - 1] if plan.steps else [])


def _one(plan: Plan, found: Trained, console: Console) -> None:
    for step in _printed(plan):
        console.print(f"step {step:>5}  loss {found.losses[step]:.8g}", highlight=False)
    console.print(
        f"{plan.spec.metric_name} after {plan.steps} steps: {found.metric:.6g}",
        highlight=False,
    )
    if plan.spec.truth is not None:
        console.print(_parameters(plan, found))


def _parameters(plan: Plan, found: Trained) -> Table:
    """Fitted beside true, number by number."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("parameter")
    for heading in ("fitted", "true"):
        table.add_column(heading, justify="right")
    truth = plan.spec.truth
    drawn = truth(prepare(plan.spec, plan.seed).data) if truth else {}
    for leaf, due in drawn.items():
        for index in np.ndindex(due.shape):
            name = f"{leaf}{list(index)}".replace("[", r"\[")
            fitted = found.parameters[leaf][index]
            table.add_row(name, f"{fitted:.6f}", f"{due[index]:.6f}")
    return table


def _sweep(plan: Plan, found: Sequence[Trained]) -> Table:
    """One row a run: losses, metric, norm of all parameters."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in plan.constants:
        table.add_column(name, justify="right")
    steps = _printed(plan)
    some = np.linspace(0, len(steps) - 1, min(COLUMNS, len(steps))).round()
    steps = [steps[int(at)] for at in some]
    for step in steps:
        table.add_column(f"loss at {step}", justify="right", no_wrap=True)
    for heading in (plan.spec.metric_name, "norm of parameters"):
        table.add_column(heading, justify="right")
    for run, one in enumerate(found):
        table.add_row(
            *(f"{values[run]:g}" for values in plan.constants.values()),
            *(f"{one.losses[step]:.4g}" for step in steps),
            f"{one.metric:.4g}",
            f"{one.norm:.4g}",
        )
    return table
