"""The worker processes: what breaks one breaks one task, and says why."""

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import wait

import psutil
import pytest
from support import SIDES, SMALL

from compare import pool
from compare.fault import FRAMEWORKS, Edit
from compare.pool import Crashed, NotReady, Workers
from compare.task import Task

pytest_plugins = ("warm",)

EXAMPLE = "line_linear"
CALL = "return self.linear(x)"


def task(framework: str, precision: str = "float32", does: str = "") -> Task:
    """A short trajectory; `does` is an expression that the model evaluates first."""
    edit = Edit(CALL, f"{does}\n        {CALL}") if does else None
    return Task(
        "trajectory", EXAMPLE, framework, precision, 0, "r", effort=SMALL, edit=edit
    )


def pids(workers: Workers) -> dict[tuple[str, str], int | None]:
    """The process of each worker."""
    return {side: at.pid for side, at in workers._workers.items()}


def alive(workers: Workers) -> list[psutil.Process]:
    """The processes that have been started."""
    return [psutil.Process(pid) for pid in pids(workers).values() if pid is not None]


def within(seconds: float, true: Callable[[], bool]) -> bool:
    """Whether something becomes true in time."""
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def ended(process: psutil.Process) -> bool:
    """Gone, or dead and waiting for a parent that may never ask."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def started(workers) -> Workers:
    """Warm workers, all of them there: one that died before has been replaced."""
    workers.describe()
    return workers


@pytest.fixture
def torch_alone(tmp_path):
    """Workers of PyTorch only, for a test that ends them."""
    with Workers(("torch",), tmp_path / "logs") as workers:
        yield workers


# -------------------------------------------------------------------- what they are


def test_every_side_has_a_process_of_its_own(started):
    found = pids(started)
    assert set(found) == set(SIDES)
    assert started.sides == tuple(found)
    assert len(set(found.values())) == len(SIDES)


@pytest.mark.parametrize(("framework", "precision"), SIDES)
def test_a_worker_has_its_precision_and_the_highest_one_in_products(
    started, framework, precision
):
    told = started.describe()[f"{framework} {precision}"]
    assert told["default dtype"] == precision
    matmul = {"jax": "matmul precision", "torch": "float32 matmul precision"}
    assert told[matmul[framework]] == "highest"
    if framework == "torch":
        assert told["cuDNN TF32"] == "False"
        assert told["threads"] == "1"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_worker_is_used_again(started, framework):
    before = pids(started)
    for _ in range(2):
        started.submit(task(framework)).result()
    assert pids(started) == before


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_class_of_an_edited_twin_can_be_pickled_in_a_worker(started, framework):
    """As a data set's is, which a loader hands to processes of its own."""
    does = "__import__('pickle').dumps(type(self))"
    assert started.submit(task(framework, does=does)).result()[0].example == EXAMPLE


# ------------------------------------------------------------------- what goes wrong

KILL = "__import__('os').kill(__import__('os').getpid(), 9)"
WORDS = "__import__('os').write(2, b'first\\nlast words\\n'); __import__('os').abort()"


@pytest.mark.parametrize(
    ("does", "says"),
    [(KILL, "the torch float32 worker died"), (WORDS, "last words")],
    ids=["killed", "aborted"],
)
def test_a_worker_that_dies_fails_its_task_and_no_other(started, does, says):
    before = pids(started)
    dies = started.submit(task("torch", does=does))
    others = {side: started.submit(task(*side)) for side in SIDES}
    with pytest.raises(Crashed, match=says):
        dies.result()
    for (framework, precision), future in others.items():
        trace, _ = future.result()
        assert (trace.framework, trace.precision) == (framework, precision)
    changed = {side for side, pid in pids(started).items() if pid != before[side]}
    assert changed == {("torch", "float32")}


def test_a_worker_that_is_killed_from_outside_is_replaced(started, tmp_path):
    """SIGKILL in the middle of a task, as by the kernel when memory runs out."""
    side, sign = ("torch", "float32"), tmp_path / "in the task"
    waits = f"open({str(sign)!r}, 'w').close(); __import__('time').sleep(600)"
    asleep, after = started.submit(task(*side, does=waits)), started.submit(task(*side))
    assert within(60, sign.exists)
    killed = pids(started)[side]
    psutil.Process(killed).kill()
    with pytest.raises(Crashed, match="the torch float32 worker died"):
        asleep.result()
    assert after.result()[0].example == EXAMPLE
    assert pids(started)[side] not in (killed, None)


RAISED = [
    ("jax", "raise ValueError('no such luck')", "ValueError: no such luck"),
    ("torch", "raise ValueError('no such luck')", "ValueError: no such luck"),
    ("torch", "x @ x", "RuntimeError: mat1 and mat2 shapes"),
    # JAX's own mistake number one; its class cannot be pickled.
    ("jax", "bool(x.sum() > 0)", "TracerBoolConversionError"),
    ("jax", "x @ x", "TypeError: dot_general"),
    ("torch", "raise type('Own', (Exception,), {})('own words')", "own words"),
    ("torch", "raise SystemExit('left')", "left"),
]


@pytest.mark.parametrize(("framework", "does", "says"), RAISED)
def test_what_a_twin_raises_is_told_in_its_own_words(started, framework, does, says):
    before = pids(started)
    with pytest.raises(Crashed) as told:
        started.submit(task(framework, does=does)).result()
    assert says in str(told.value)
    assert pids(started) == before
    started.submit(task(framework)).result()


def test_what_was_spent_is_told_by_those_that_live(torch_alone):
    """Accounts are no reason to fail: a worker that died unseen is left out."""
    torch_alone.describe()
    first = torch_alone.spent()
    assert first.keys() == {"imports", "compiling", "computing", "harness"}
    psutil.Process(torch_alone._workers["torch", "float64"].pid).kill()
    assert torch_alone.spent()["imports"] < first["imports"]


def test_an_edit_that_finds_nothing_is_an_error(started):
    edit = Edit("no such line", "")
    asked = Task("trajectory", EXAMPLE, "torch", "float32", 0, "r", edit=edit)
    with pytest.raises(Crashed, match="mend the fault"):
        started.submit(asked).result()


def test_what_a_worker_prints_stays_out_of_our_output(started, capfd):
    """`run --json` prints JSON and nothing else, whatever a twin prints."""
    side = ("torch", "float32")
    # A new process, which inherits the output that is captured here.
    psutil.Process(pids(started)[side]).kill()
    with contextlib.suppress(Crashed):
        started.submit(task(*side)).result()
    started.submit(task(*side, does="print('noise', flush=True)")).result()
    assert "noise" not in capfd.readouterr().out


def test_stopping_ends_the_processes_and_what_is_queued(torch_alone):
    torch_alone.submit(task("torch")).result()
    processes = alive(torch_alone)
    sleeps = "__import__('time').sleep(600)"
    queued = [torch_alone.submit(task("torch", does=sleeps)) for _ in range(3)]
    torch_alone.stop()
    done, late = wait(queued, timeout=60)
    assert not late
    assert all(isinstance(future.exception(), Crashed) for future in done)
    assert len(processes) == 1
    assert psutil.wait_procs(processes, timeout=30)[1] == []
    with pytest.raises(Crashed, match="stopped"):
        torch_alone.submit(task("torch")).result()


CHILDREN = "__import__('subprocess').Popen(['sh', '-c', 'sleep 600; true'])"


def test_stopping_ends_what_a_worker_has_started_too(torch_alone):
    """As the processes of a data loader; here a shell, which starts one of its own."""
    torch_alone.submit(task("torch")).result()
    [worker] = alive(torch_alone)
    torch_alone.submit(task("torch", does=f"{CHILDREN}; __import__('time').sleep(600)"))
    assert within(60, lambda: len(worker.children(recursive=True)) == 2)
    started = worker.children(recursive=True)
    try:
        torch_alone.stop()
        assert within(30, lambda: all(ended(process) for process in started))
    finally:
        for process in started:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def test_stopping_where_a_process_is_gone_already(torch_alone):
    torch_alone.submit(task("torch")).result()
    for process in alive(torch_alone):
        process.kill()
        psutil.wait_procs([process], timeout=30)
    torch_alone.stop()


def test_leaving_the_block_by_an_error_ends_the_processes(tmp_path):
    with pytest.raises(LookupError), Workers(("torch",), tmp_path) as workers:
        workers.submit(task("torch")).result()
        processes = alive(workers)
        workers.submit(task("torch", does="__import__('time').sleep(600)"))
        raise LookupError
    assert len(processes) == 1
    assert psutil.wait_procs(processes, timeout=30)[1] == []


# ----------------------------------------------------------------- what is not there


def gpu(framework: str) -> bool:
    """Whether a GPU is there; asked of the framework itself."""
    if framework == "torch":
        import torch

        return torch.cuda.is_available()
    import jax

    return any(device.platform == "gpu" for device in jax.devices())


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_device_that_is_missing_is_said_before_anything_runs(framework, tmp_path):
    if gpu(framework):
        pytest.skip("there is a GPU here")
    with Workers((framework,), tmp_path, device="gpu") as workers:
        for _ in range(2):  # nor does a second try run on something else
            with pytest.raises(NotReady, match=f"(?i){framework}: .* sees no GPU here"):
                workers.submit(task(framework)).result()


@pytest.mark.parametrize(
    ("gone", "there", "line"),
    [
        ({"torch"}, ("jax",), "pip install torch"),
        ({"jax", "optax"}, ("torch",), "pip install jax optax"),
        ({"grain"}, ("torch",), "pip install grain"),
        ({"flax", "torch"}, (), "pip install flax"),
    ],
)
def test_missing_packages_are_named(monkeypatch, gone, there, line):
    monkeypatch.setattr(
        pool, "find_spec", lambda name: None if name in gone else object()
    )
    assert pool.installed() == there
    absent = next(side for side in FRAMEWORKS if side not in there)
    assert pool.install_line(absent) == line
