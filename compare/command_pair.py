"""`twinnets pair`: two models out of users' files, compared, and kept as a run."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compare import result
from compare.pair import entry, keep
from compare.pair.report import PairReport
from compare.result import Run
from compare.user_file import NotThere, named


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was typed; each of them names an object as `path/to/file.py::name`."""

    torch: str
    jax: str
    inputs: str
    loss: tuple[str, str] | None
    targets: str | None
    optimizers: str | None
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """Both names, each with its file's name where the files are two."""
        torch, jax = (Path(place).name for place in (self.torch, self.jax))
        alike = torch.partition("::")[0] == jax.partition("::")[0]
        return f"{torch}, {jax.partition('::')[2] if alike else jax}"


def load(asked: Asked) -> dict[str, Any]:
    """All objects by what they are for; raises `NotThere`."""
    with _apart():
        return dict(_given(asked))


def execute(asked: Asked, given: dict[str, Any]) -> PairReport:
    """Compare; raises ValueError and TypeError for what cannot be compared."""
    parts: dict[str, Any] = {"name": asked.name} | given | asked.options
    models = parts.pop("torch"), parts.pop("jax"), parts.pop("inputs")
    with _apart():
        return entry.compare_pair(*models, **parts)


def _given(asked: Asked) -> Iterator[tuple[str, Any]]:
    yield "torch", named(asked.torch, option="TORCH")
    yield "jax", named(asked.jax, option="JAX")
    for option in ("inputs", "targets", "optimizers"):
        if (place := getattr(asked, option)) is not None:
            yield option, named(place, option=f"--{option}")
    if asked.loss is not None:
        torch, jax = (named(place, option="--loss") for place in asked.loss)
        yield "loss", (torch, jax)


def kept(report: PairReport, where: Path) -> Run:
    """Write it as the run of a folder."""
    run = keep.run([report], command=["twinnets", *sys.argv[1:]])
    result.write(run, where / "run.json")
    return run


def renamed(said: Sequence[str]) -> dict[str, str | None]:
    """`PATTERN=REPLACEMENT`, or `PATTERN=` for no partner; raises `NotThere`."""
    parts = [each.partition("=") for each in said]
    if wrong := [each for each, part in zip(said, parts, strict=True) if not part[1]]:
        raise NotThere(f"--rename: expected PATTERN=REPLACEMENT, got {wrong[0]!r}")
    return {pattern: replacement or None for pattern, _, replacement in parts}


def laid_out(said: Sequence[str]) -> dict[str, tuple[str, str]]:
    """`NCHW:NHWC` for all arrays, or `inputs.0=NCHW:NHWC`; raises `NotThere`."""
    found = {}
    for each in said:
        name, _, letters = each.rpartition("=")
        torch, apart, jax = letters.partition(":")
        if not apart:
            raise NotThere(
                "--layout: expected PyTorch's axes and JAX's, as in NCHW:NHWC or "
                f"inputs.0=NCHW:NHWC, got {each!r}"
            )
        found[name] = torch, jax
    return found


@contextmanager
def _apart() -> Iterator[None]:
    """Standard output is for the answer alone, whatever users' files print."""
    with redirect_stdout(sys.stderr):
        yield
