"""The arguments of `twinnets time`, and what its exit code says."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from compare import record, result
from compare.cli_report import Report, write_report
from compare.command_report import NAME, Wanted
from compare.exits import (
    MISMATCH,
    NOTHING,
    PASSED,
    UNDECIDED,
    Names,
    T,
    known,
    or_usage,
    say,
)
from compare.result import Run


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
    ] = "180s",
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
    with_report: Report = False,
) -> None:
    """Time the examples in both frameworks: what has passed, and nothing else."""
    from compare import arguments, command_time, folder
    from compare import time_arguments as given
    from compare.baseline import NotABaseline, place, read
    from compare.pool import Crashed, NotReady
    from compare.show_times import show_times
    from compare.show_wanted import show_wanted
    from compare.time_run import Plan
    from compare.time_worker import cores

    def checked(call: Callable[[], T]) -> T:
        return or_usage(call, arguments.Wrong, NotABaseline)

    def shown(run: Run, where: Path) -> None:
        if as_json:
            print(record.text(run))
        else:
            (show_wanted if summary else show_times)(run)
        if with_report:  # of everything that the folder holds
            whole = or_usage(lambda: result.read(where / "run.json"), result.NotARun)
            write_report(whole, where, Wanted(html=where / NAME))

    known(names)
    if from_ is not None:
        found = or_usage(lambda: result.read(from_ / "run.json"), result.NotARun)
        found = result.only(found, names) if names else found
        shown(found, from_)
        raise typer.Exit(timing_code(found))
    for name in filter(None, (save, against)):
        checked(lambda name=name: place(name))
    if against is not None:
        checked(lambda: read(place(against)))  # before all the work, not after it
    limit = checked(lambda: given.slowdown(max_slowdown))
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
        say(left_out)

    def timed() -> Run:
        run = command_time.base_run(
            chosen, where, seed=seed, device=device, quiet=as_json
        )
        run = command_time.execute_time(
            chosen, plan, where, run=run, sizes=sizes, quiet=as_json
        )
        run = command_time.compared(
            run,
            chosen,
            swept=bool(sizes),
            save=save,
            against=against,
            max_slowdown=limit,
        )
        result.write(run, where / "run.json")
        # The folder may hold other times too.
        return result.only(run, chosen, swept=bool(sizes))

    expected = (result.NotARun, folder.NotWritable, NotABaseline, NotReady, Crashed)
    try:
        found = or_usage(timed, *expected)
    except KeyboardInterrupt:
        say(f"interrupted; what was done is in {where}")
        raise
    shown(found, where)
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
