"""What the twins are asked for as far as speed goes, and what was found."""

from statistics import geometric_mean

from rich.markup import escape

from compare.result import Run
from compare.show_times import console_of, micro, shown, table_of

WANTED = {
    "scan against the notebook's loop": 4.0,
    "tuned against the notebook's loop": 2.0,
    "scan against the notebook's loop, geometric mean": 5.0,
    "scan's part of the speed of a large product": 0.6,
}
"""What the twins are asked for, of `two_layer_adam` but for the geometric mean."""


def show_wanted(run: Run) -> None:
    """The ratios that are wanted of the twins, and what was found."""
    console = console_of()
    table = table_of(
        "example", "notebook", "scan", "times as fast", "tuned", "times as fast"
    )
    steps = {
        (t.example, t.mode): t.typical["step"].seconds
        for t in shown(run.timings)
        if t.mode in ("notebook", "scan", "tuned") and t.batch is None
    }
    gains: dict[str, dict[str, float]] = {"scan": {}, "tuned": {}}
    for name in dict.fromkeys(example for example, _ in steps):
        loop = steps.get((name, "notebook"))
        cells = [escape(name), micro(loop) if loop else ""]
        for mode, found in gains.items():
            own = steps.get((name, mode))
            if loop and own:
                found[name] = loop / own
            cells += [
                micro(own) if own else "",
                f"{found[name]:.3g}" if name in found else "",
            ]
        table.add_row(*cells)
    console.print(table)
    for says, value in _found(run, gains).items():
        style = "green" if value >= WANTED[says] else "yellow"
        console.print(
            f"[{style}]{value:.3g}[/] {says}: wanted {WANTED[says]:g}", highlight=False
        )


def _found(run: Run, gains: dict[str, dict[str, float]]) -> dict[str, float]:
    """What was found of what is wanted."""
    one = "two_layer_adam"
    found = [gains["scan"].get(one), gains["tuned"].get(one), None, None]
    if gains["scan"]:
        found[2] = geometric_mean(gains["scan"].values())
    for timing in shown(run.timings):
        if (timing.example, timing.mode, timing.batch) == (one, "scan", None):
            found[3] = timing.fraction
    return {
        says: value
        for says, value in zip(WANTED, found, strict=True)
        if value is not None
    }
