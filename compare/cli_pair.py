"""The arguments of `twinnets pair`."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from compare.cli_report import Report, write_report
from compare.command_report import NAME, Wanted
from compare.exits import exit_code, or_usage, say, usage

HELP = "path/to/file.py::name"


def pair_models(
    torch: Annotated[str, typer.Argument(metavar="TORCH", help=HELP)],
    jax: Annotated[str, typer.Argument(metavar="JAX", help=HELP)],
    inputs: Annotated[str, typer.Option(help=f"{HELP}: arrays, by place or name.")],
    loss: Annotated[
        tuple[str, str] | None,
        typer.Option(help=f"Two {HELP}: PyTorch's loss and JAX's."),
    ] = None,
    targets: Annotated[
        str | None, typer.Option(help=f"{HELP}: what losses get besides outputs.")
    ] = None,
    optimizers: Annotated[
        str | None,
        typer.Option(help=f"{HELP}: parameters → torch.optim, and one of optax."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Of the optimizers; default 20.")
    ] = None,
    layout: Annotated[
        list[str] | None,
        typer.Option(help="NCHW:NHWC, or of one array inputs.0=NCHW:NHWC."),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(help="PATTERN=REPLACEMENT of weights' paths; PATTERN=: none."),
    ] = None,
    copy: Annotated[
        Literal["torch", "jax", "none"], typer.Option(help="Whose weights both get.")
    ] = "torch",
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for run.json; default runs/<time>.")
    ] = None,
    repro: Annotated[
        Path | None,
        typer.Option(help="FILE.py: the smallest failing layer as a script."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="`precision` does not pass.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print run.json in place of the table.")
    ] = False,
    with_report: Report = False,
) -> None:
    """Compare a PyTorch model of your own with a JAX model of your own.

    Each name is an object of a Python file; a plain function without parameters is
    called, and what it returns is taken. JAX's side may be a tuple: a function and its
    parameters, or a Linen module and its variables.

    Both models are copied, get the same weights, and are compared in float64 and
    float32: outputs, every gradient, and every step of the optimizers, if any.
    """
    from compare import folder, record
    from compare.command_pair import Asked, execute, kept, laid_out, load, renamed

    if repro is not None and (repro.suffix != ".py" or not repro.parent.is_dir()):
        raise usage(f"--repro: expected a file in .py in a folder, got {repro}")
    options: dict[str, Any] = {"copy": copy, "seed": seed}
    if steps is not None:
        options["steps"] = steps
    if rename:
        options["rename"] = or_usage(lambda: renamed(rename), ValueError)
    if layout:
        options["layout"] = or_usage(lambda: laid_out(layout), ValueError)
    asked = Asked(
        torch=torch,
        jax=jax,
        inputs=inputs,
        loss=loss,
        targets=targets,
        optimizers=optimizers,
        options=options,
    )
    given = or_usage(lambda: load(asked), ValueError)
    where = or_usage(
        lambda: folder.open_folder(out or folder.default_folder()), folder.NotWritable
    )
    # What cannot be compared is told with what was expected, what came, what to do.
    report = or_usage(lambda: execute(asked, given), ValueError, TypeError)
    found = kept(report, where)
    if as_json:
        print(record.text(found))
    else:
        print(report)
        say(str(where / "run.json"))
    if repro is not None:
        if report.failing is None:
            say(f"--repro: no layer differs on its own, so {repro} is not written")
        else:
            report.write_repro(repro)
            say(str(repro))
    if with_report:
        write_report(found, where, Wanted(html=where / NAME))
    raise typer.Exit(exit_code(found.examples, strict=strict))
