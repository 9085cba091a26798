"""The command line: arguments and exit codes (`exits.py`), nothing else."""

import difflib
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from compare.cli_compare import compare_runs
from compare.cli_pair import pair_models
from compare.cli_report import Report, report_run, write_report
from compare.cli_time import time_examples
from compare.command_report import NAME, Wanted
from compare.exits import (
    MISMATCH,
    NOTHING,
    PASSED,
    Names,
    exit_code,
    known,
    or_usage,
    say,
    usage,
)

app = typer.Typer(
    help="Proves that the JAX and the PyTorch twin of each example do the same.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """The `twinnets` command."""
    app()


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

    known([name])
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
    with_report: Report = False,
) -> None:
    """Run the examples in both frameworks and say whether they match."""
    from compare import folder, result
    from compare.command import execute, print_run
    from compare.pool import Crashed, NotReady
    from compare.run import Settings, new_run
    from compare.task import FULL, NORMAL, QUICK

    if quick and full:
        raise usage("--quick and --full: give one of them, not both")
    chosen = known(names)
    if from_ is not None and (quick or full or out or seed or device != "cpu"):
        raise usage("--from checks what is there: no --quick, --full, --seed, …")
    if from_ is not None:
        where = from_
        found = or_usage(lambda: folder.again(where, names=names), result.NotARun)
    else:
        where = or_usage(
            lambda: folder.open_folder(out or folder.default_folder()),
            folder.NotWritable,
        )
        effort = QUICK if quick else FULL if full else NORMAL
        settings = Settings(seed, device, effort, new_run())
        try:
            found = or_usage(
                lambda: execute(chosen, settings, where, quiet=as_json),
                NotReady,
                Crashed,
            )
        except KeyboardInterrupt:
            say(f"interrupted; what was done is in {where}")
            raise
    print_run(found, where, as_json=as_json)
    if with_report:
        write_report(found, where, Wanted(html=where / NAME))
    raise typer.Exit(exit_code(found.examples, strict=strict))


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
    out: Annotated[
        Path | None, typer.Option(help="A run's folder: keep it for its report.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
) -> None:
    """Train one twin alone: its losses, what was fitted, a picture."""
    from compare import arguments, command_train, folder, result, trained
    from compare.train import Plan

    known([name])
    spec = or_usage(lambda: arguments.training(name), arguments.Wrong)
    plan = or_usage(
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
    or_usage(lambda: arguments.picture(plot, plan), arguments.Wrong)
    if out is not None:
        expected = (result.NotARun, trained.OtherSeed, folder.NotWritable)
        or_usage(lambda: trained.place(out, plan), *expected)
    # What a framework refuses, such as a negative learning rate, it says itself.
    or_usage(lambda: command_train.execute(plan, plot, out), ValueError, OSError)


app.command("pair")(pair_models)
app.command("time")(time_examples)
app.command("report")(report_run)
app.command("compare")(compare_runs)


@app.command()
def selftest(
    names: Annotated[
        list[str] | None, typer.Argument(help="Faults; all of them by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="A run's folder: keep it for its report.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="In pairs of models, in this process.")
    ] = False,
) -> None:
    """Plant faults one at a time and say how many are detected."""
    from compare import folder, result
    from compare import selftest as planted
    from compare.fault import FRAMEWORKS
    from compare.pool import Crashed, NotReady, install_line, missing

    known = _faults_in_pairs() if pairs else [fault.name for fault in planted.FAULTS]
    for name in names or ():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or known
            raise usage(f"there is no fault {name!r}; there are: {'; '.join(near)}")
    if absent := [install_line(name) for name in FRAMEWORKS if missing(name)]:
        raise usage(f"selftest needs both frameworks: {'; '.join(absent)}")
    if pairs:
        raise typer.Exit(_selftest_of_pairs(names, seed=seed, out=out, as_json=as_json))
    if out is not None:
        or_usage(lambda: folder.of_a_run(out), result.NotARun, folder.NotWritable)
    try:
        report = planted.command(names, seed=seed, folder=out, as_json=as_json)
    except (Crashed, NotReady) as error:
        say(f"the twins as they are cannot be measured: {error}")
        raise typer.Exit(MISMATCH) from None
    raise typer.Exit(MISMATCH if report.missed else PASSED)


def _faults_in_pairs() -> list[str]:
    from compare.pair.planted.faults import FAULTS

    return [fault.name for fault in FAULTS]


def _selftest_of_pairs(
    names: list[str] | None, *, seed: int, out: Path | None, as_json: bool
) -> int:
    """The exit code of the faults in pairs."""
    from compare.pair.planted import show
    from compare.pair.planted.faults import FAULTS

    if out is not None:
        raise usage("--out: the faults in pairs are not kept; leave it out, or --json")
    chosen = [fault for fault in FAULTS if not names or fault.name in names]
    report = show.command(chosen, seed=seed, as_json=as_json)
    return MISMATCH if report.missed else PASSED


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Versions, devices, threads, precision flags, and what is missing."""
    from compare.doctor import print_report

    raise typer.Exit(PASSED if print_report(as_json=as_json) else NOTHING)


if __name__ == "__main__":
    sys.exit(main())
