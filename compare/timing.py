"""What timing asks a worker, and what a run tells of it; seconds, bytes, operations.

A *cell* is what is timed: one example, framework and mode. Each *block* has a fresh
worker of every cell; of one cell it has two, the second its *control*.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from compare.fault import NAMES, Edit, Side
from compare.spec import Prepared
from compare.stats import Speed
from compare.task import State
from compare.trace import Trace

Products = Literal["float32", "tf32", "bfloat16"]
"""What the factors of a product of float32 matrices are rounded to."""
WINDOW = 500
"""Steps of a run that are timed: from its start, over and over."""
Outcome = Literal["equivalent", "not equivalent", "failed", "left out"]
MODES: Mapping[Side, Mapping[str, float]] = {
    "torch": {
        "notebook": 5.0,
        "eager": 5.0,
        "tuned": 5.0,
        "compile": 10.0,
        "compile-step": 12.0,
    },
    "jax": {"eager": 8.0, "jit": 5.0, "jit-functional": 5.0, "scan": 8.0},
}
"""Every mode, and about how many seconds its worker takes, on two cores."""
EAGER: Mapping[Side, tuple[str, ...]] = {
    "jax": ("eager",),
    "torch": ("eager", "notebook"),
}
"""What compiling is weighed against: the first of these that was timed."""


class Cell(NamedTuple):
    """What is timed; `batch` where a sweep has another size than the spec."""

    example: str
    framework: Side
    mode: str
    batch: int | None = None
    control: bool = False
    """The same once more, for what differs then is noise."""

    def __str__(self) -> str:
        size = "" if self.batch is None else f" batch {self.batch}"
        again = " again" if self.control else ""
        return f"{NAMES[self.framework]} {self.mode}{size}{again}"


@dataclass(frozen=True)
class TimingTask:
    """One worker's work: one cell, once."""

    cell: Cell
    seed: int
    prepared: Prepared
    states: Mapping[int, State]
    """Checkpoint states of the run that has passed; the steps start from the first."""
    device: str = "cpu"
    products: Products = "float32"
    edit: Edit | None = None
    """A planted fault."""
    count: bool = False
    """Whether operations and the compiler's memory are asked for: that takes long."""


@dataclass(frozen=True)
class Sampled:
    """What one worker measured.

    `samples` are seconds: of a `step` in a row of them, with one wait at its end; its
    `latency`, each step waited for; `forward` and `forward + backward` of one batch;
    `half` and `whole` rows of steps; `left over` after the wait; a `product` of two
    matrices. `phases` are seconds too: importing, starting the device, moving data to
    it, tracing, lowering, compiling, the first and the second call. `counts` are
    programs compiled and graph breaks.
    """

    samples: Mapping[str, list[float]]
    phases: Mapping[str, float]
    counts: Mapping[str, int]
    conditions: Mapping[str, str]
    """What must be equal for a comparison to be like for like."""
    idiom: Mapping[str, str]
    """What makes the mode what it is."""
    memory: Mapping[str, int | None]
    operations: Mapping[str, float | None] = field(default_factory=dict)
    """Of one step: of the products as `written`, and of everything as `compiled`."""
    cores: float = 0.0
    """CPU seconds a second while steps were taken."""
    settled: bool = True
    """Whether the last five samples of the warm-up drifted by less than 5 %."""
    steps_a_call: int = 1


@dataclass(frozen=True)
class Proved:
    """What a worker measured, with the trace that proves what it has computed."""

    sampled: Sampled
    trace: Trace


@dataclass(frozen=True)
class Typical:
    """The workers' medians together, and the 95 % interval; seconds."""

    seconds: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Timing:
    """One cell of `run.json`; nothing is typical of a mode that is not equivalent.

    `operations` are those of one step's matrix products, and `fraction` is of the
    speed that a product of two large matrices reaches in the same worker.
    """

    example: str
    framework: Side
    mode: str
    outcome: Outcome
    why: str = ""
    batch: int | None = None
    control: bool = False
    products: Products = "float32"
    score: float | None = None
    """The largest score of its proof; 10 is the limit."""
    typical: Mapping[str, Typical] = field(default_factory=dict)
    phases: Mapping[str, float] = field(default_factory=dict)
    warm_phases: Mapping[str, float] = field(default_factory=dict)
    """With what the first worker has left in the compiler's cache."""
    pays_after: float | None = None
    """Steps after which compiling has paid for itself, against eager steps."""
    pays_after_warm: float | None = None
    operations: float | None = None
    speed: float | None = None
    """Operations a second."""
    fraction: float | None = None
    workers: list[Sampled] = field(default_factory=list)

    @property
    def cell(self) -> Cell:
        """What was timed."""
        return Cell(self.example, self.framework, self.mode, self.batch, self.control)


@dataclass(frozen=True)
class Ratio:
    """Seconds of a step of `subject` / of `reference`: SLOWER is more than 1.

    A ratio less than `band` away from 1, as |log|, is noise: so far a mode differs from
    itself in this run. `unlike` is empty where both work under the same conditions.
    """

    example: str
    subject: str
    reference: str
    ratio: float
    low: float | None
    high: float | None
    blocks: int
    verdict: Speed
    band: float | None
    batch: int | None = None
    unlike: list[str] = field(default_factory=list)
    fastest: bool = False
    """Each is the fastest mode of its framework."""


@dataclass(frozen=True)
class Claim:
    """Something that must hold of an example's times; None where it is undecided."""

    example: str
    claim: str
    holds: bool | None
    why: str


@dataclass(frozen=True)
class Sweep:
    """A mode's seconds a step by batch size: overhead + operations / throughput.

    With 95 % intervals; `throughput`, in operations a second, is None where larger
    batches take no longer. `worst` is the largest relative distance from the line.
    """

    example: str
    framework: Side
    mode: str
    sizes: list[int]
    overhead: float
    overhead_low: float | None
    overhead_high: float | None
    throughput: float | None
    throughput_low: float | None
    throughput_high: float | None
    worst: float


@dataclass(frozen=True)
class Crossover:
    """The batch size at which both take the same time; None where one always leads."""

    example: str
    left: str
    right: str
    batch: float | None
