"""The command line: arguments and exit codes, nothing else.

Exit codes: 0 all passed · 1 a mismatch or a crash · 2 wrong usage · 3 a timing claim
could not be decided · 4 nothing was compared · 130 interrupted.
"""

import difflib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer
from rich.console import Console

from compare import registry
from compare.registry import UnknownExample
from compare.result import Example, Run, Verdict, passed

PASSED, MISMATCH, USAGE, UNDECIDED, NOTHING = 0, 1, 2, 3, 4

app = typer.Typer(
    help="Proves that the JAX and the PyTorch twin of each example do the same.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
T = TypeVar("T")
Names = Annotated[
    list[str] | None, typer.Argument(help="Examples; all of them by default.")
]


def main() -> None:
    """The `twinnets` command."""
    app()


def _usage(message: str) -> typer.Exit:
    """Say what is wrong in one line, and leave with exit code 2."""
    _say(message)
    return typer.Exit(USAGE)


def _say(message: str) -> None:
    Console(stderr=True).print(
        f"twinnets: {message}", style="bold", markup=False, soft_wrap=True
    )


def _known(names: list[str] | None) -> list[str]:
    """These examples, or all; leaves with exit code 2 at an unknown one."""
    for name in names or ():
        _or_usage(lambda name=name: registry.load(name), UnknownExample)
    return list(dict.fromkeys(names)) if names else list(registry.names())


def _or_usage(call: Callable[[], T], *errors: type[Exception]) -> T:
    try:
        return call()
    except errors as error:
        raise _usage(str(error.args[0]) if error.args else str(error)) from None


@app.command("list")
def list_examples(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """The examples: name, kind, one line."""
    from compare import show

    show.print_examples(as_json=as_json)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="An example.")],
) -> None:
    """The two twins side by side, function by function."""
    from compare import show as side_by_side

    _known([name])
    side_by_side.print_twins(name)


@app.command()
def run(
    names: Names = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="40 steps, fewer copies and checkpoints.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="All steps in float64 too.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="`precision` does not pass.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    device: Annotated[
        Literal["cpu", "gpu"], typer.Option(help="Where both frameworks compute.")
    ] = "cpu",
    out: Annotated[
        Path | None, typer.Option(help="Folder for run.json; default runs/<time>.")
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", help="Check the traces of an earlier run again."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print run.json in place of the table.")
    ] = False,
) -> None:
    """Run the examples in both frameworks and say whether they match."""
    from compare import folder, result
    from compare.command import execute, print_run
    from compare.pool import Crashed, NotReady
    from compare.run import Settings, new_run
    from compare.task import FULL, NORMAL, QUICK

    if quick and full:
        raise _usage("--quick and --full: give one of them, not both")
    chosen = _known(names)
    if from_ is not None and (quick or full or out or seed or device != "cpu"):
        raise _usage("--from checks what is there: no --quick, --full, --seed, …")
    if from_ is not None:
        found = _or_usage(lambda: folder.again(from_, names=names), result.NotARun)
        print_run(found, from_, as_json=as_json)
    else:
        where = _or_usage(
            lambda: folder.open_folder(out or folder.default_folder()),
            folder.NotWritable,
        )
        effort = QUICK if quick else FULL if full else NORMAL
        settings = Settings(seed, device, effort, new_run())
        try:
            found = _or_usage(
                lambda: execute(chosen, settings, where, quiet=as_json),
                NotReady,
                Crashed,
            )
        except KeyboardInterrupt:
            _say(f"interrupted; what was done is in {where}")
            raise
        print_run(found, where, as_json=as_json)
    raise typer.Exit(exit_code(found.examples, strict=strict))


def exit_code(examples: Sequence[Example], *, strict: bool) -> int:
    """What a run's verdicts amount to."""
    verdicts: list[Verdict] = [example.verdict for example in examples]
    if any(not passed(verdict, strict=strict) for verdict in verdicts):
        return MISMATCH
    if all(verdict == "skipped" for verdict in verdicts):
        return NOTHING
    return PASSED


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="An example that is trained.")],
    framework: Annotated[
        Literal["jax", "torch"] | None,
        typer.Option(help="Whose twin; may be left out where one is installed."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=0, help="0: the data alone; default all.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw into this .png or .svg file.")
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option(help="One run for each value: weight_decay=0,1e-3,1e-2"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
) -> None:
    """Train one twin alone: its losses, what was fitted, a picture."""
    from compare import arguments, command_train
    from compare.train import Plan

    _known([name])
    spec = _or_usage(lambda: arguments.training(name), arguments.Wrong)
    plan = _or_usage(
        lambda: Plan(
            name,
            arguments.framework(framework),
            spec,
            seed,
            arguments.steps(steps, spec),
            arguments.sweep(sweep, spec),
        ),
        arguments.Wrong,
    )
    _or_usage(lambda: arguments.picture(plot, plan), arguments.Wrong)
    # What a framework refuses, such as a negative learning rate, it says itself.
    _or_usage(lambda: command_train.execute(plan, plot), ValueError, OSError)


@app.command("time")
def time_examples(
    names: Names = None,
    modes: Annotated[
        str | None, typer.Option(help="Such as notebook,jit,scan; default what fits.")
    ] = None,
    device: Annotated[
        Literal["cpu", "gpu"], typer.Option(help="Where both frameworks compute.")
    ] = "cpu",
    blocks: Annotated[
        int, typer.Option(min=1, help="Fresh workers of every mode, at least.")
    ] = 5,
    budget: Annotated[
        str, typer.Option(help="Of one example; its rest goes where least is known.")
    ] = "240s",
    precision: Annotated[
        Literal["float32", "tf32", "bfloat16"],
        typer.Option(help="What the factors of matrix products are rounded to."),
    ] = "float32",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Of each worker; default all cores.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of a run, or for a quick one; default runs/<time>."),
    ] = None,
    sweep: Annotated[
        str | None, typer.Option(help="At several batch sizes: batch=64,256,1024")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="One block: prints, and decides nothing.")
    ] = False,
    save: Annotated[
        str | None, typer.Option(help="Keep the times in baselines/NAME.json.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="Compare with what was saved under this name.")
    ] = None,
    max_slowdown: Annotated[
        float, typer.Option(min=1.0, help="Times as long that is no regression.")
    ] = 1.1,
    summary: Annotated[
        bool, typer.Option("--summary", help="Print the ratios that are wanted.")
    ] = False,
    from_: Annotated[
        Path | None, typer.Option("--from", help="Print the times of an earlier run.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print run.json in place of the tables.")
    ] = False,
) -> None:
    """Time the examples in both frameworks: what has passed, and nothing else."""
    from compare import arguments, command_time, folder, result, show_times
    from compare import time_arguments as given
    from compare.baseline import NotABaseline, place
    from compare.pool import Crashed, NotReady
    from compare.time_run import Plan
    from compare.time_worker import cores

    def checked(call: Callable[[], T]) -> T:
        return _or_usage(call, arguments.Wrong, NotABaseline)

    _known(names)
    if from_ is not None:
        found = _or_usage(lambda: result.read(from_ / "run.json"), result.NotARun)
        show_times.show(found, as_json=as_json, summary=summary)
        raise typer.Exit(timing_code(found))
    for name in filter(None, (save, against)):
        checked(lambda name=name: place(name))
    chosen = checked(lambda: given.trainings(names))
    rounds = 1 if quick else blocks
    seconds = checked(lambda: given.seconds(budget))
    wanted, left_out = checked(
        lambda: given.modes(modes, budget=seconds, blocks=rounds)
    )
    plan = Plan(
        wanted,
        rounds,
        0.0 if quick else seconds,
        device,
        checked(lambda: given.threads(threads, cores())),
        checked(lambda: given.products(precision, device)),
    )
    sizes = checked(lambda: given.sizes(sweep))
    where = out or folder.default_folder()
    if left_out:
        _say(left_out)

    def timed() -> Run:
        run = command_time.base_run(
            chosen, where, seed=seed, device=device, quiet=as_json
        )
        run = command_time.execute_time(
            chosen, plan, where, run=run, sizes=sizes, quiet=as_json
        )
        run = command_time.compared(
            run, save=save, against=against, max_slowdown=max_slowdown
        )
        result.write(run, where / "run.json")
        return run

    expected = (result.NotARun, folder.NotWritable, NotABaseline, NotReady, Crashed)
    try:
        found = _or_usage(timed, *expected)
    except KeyboardInterrupt:
        _say(f"interrupted; what was done is in {where}")
        raise
    show_times.show(found, as_json=as_json, summary=summary)
    raise typer.Exit(timing_code(found))


def timing_code(found: Run) -> int:
    """What a run's times amount to."""
    outcomes = {timing.outcome for timing in found.timings if not timing.control}
    if "equivalent" not in outcomes:
        return MISMATCH if outcomes & {"not equivalent", "failed"} else NOTHING
    held = {claim.holds for claim in found.claims}
    changes = {change.verdict for change in found.changes}
    if outcomes & {"not equivalent", "failed"}:
        return MISMATCH
    if False in held or "regressed" in changes:
        return MISMATCH
    return UNDECIDED if None in held or "undecided" in changes else PASSED


@app.command()
def selftest(
    names: Annotated[
        list[str] | None, typer.Argument(help="Faults; all of them by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Plant faults one at a time and say how many are detected."""
    from compare import selftest as planted
    from compare.fault import FRAMEWORKS
    from compare.pool import Crashed, NotReady, install_line, missing

    known = [fault.name for fault in planted.FAULTS]
    for name in names or ():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or known
            raise _usage(f"there is no fault {name!r}; there are: {'; '.join(near)}")
    if absent := [install_line(name) for name in FRAMEWORKS if missing(name)]:
        raise _usage(f"selftest needs both frameworks: {'; '.join(absent)}")
    try:
        report = planted.command(names, seed=seed, as_json=as_json)
    except (Crashed, NotReady) as error:
        _say(f"the twins as they are cannot be measured: {error}")
        raise typer.Exit(MISMATCH) from None
    raise typer.Exit(MISMATCH if report.missed else PASSED)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Versions, devices, threads, precision flags, and what is missing."""
    from compare.doctor import print_report

    raise typer.Exit(PASSED if print_report(as_json=as_json) else NOTHING)


if __name__ == "__main__":
    sys.exit(main())
