"""Lesson twins run with their annotations enforced."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import LESSONS, python, twin

from compare import trace_file
from compare.fault import FRAMEWORKS
from compare.measure_lesson import functions

pytest_plugins = ("warm",)

BOTH = pytest.mark.parametrize("framework", FRAMEWORKS)

# A worker by itself: here, PyTorch's loader would fork a process in which JAX runs too.
PROGRAM = """
import json, os, sys
from jaxtyping import install_import_hook

from compare import worker
from compare.task import Effort, Task

framework, *names = sys.argv[1:]
os.environ |= worker.environment("float32", "cpu")
facts, once = {}, Effort(copies=0)
with install_import_hook(["jaxnets", "torchnets"], "beartype.beartype"):
    worker.start(framework, "float32", "cpu")
    for name in names:
        task = Task("lesson", name, framework, "float32", 0, "", effort=once)
        facts[name] = worker.perform(task)[0].facts
    _, twin = worker.modules(framework, "batching")
    try:
        twin.one_point("no array", None, None)
    except Exception as error:
        facts["refusal"] = type(error).__name__
print(json.dumps(facts))
"""


# JAX compiles for long, so its lessons are done by two processes.
SHARES = (("jax", LESSONS[::2]), ("jax", LESSONS[1::2]), ("torch", LESSONS))


@pytest.fixture(scope="module")
def checked() -> dict[str, dict]:
    """What the lessons' functions do in float32, by framework and lesson."""

    def run(framework: str, names: tuple[str, ...]) -> dict:
        done = python("-c", PROGRAM, framework, *names, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    facts: dict[str, dict] = {framework: {} for framework in FRAMEWORKS}
    with ThreadPoolExecutor() as threads:
        found = threads.map(run, *zip(*SHARES, strict=True))
        for (framework, _), told in zip(SHARES, found, strict=True):
            facts[framework] |= told
    return facts


@BOTH
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_twin_runs_with_its_annotations_checked(
    checked, whole, framework, name
):
    """Every function returns or raises what it does in a worker, unchecked."""
    found = checked[framework][name]
    there = trace_file.load(whole.folder / "traces" / f"{name}.{framework}.float32")
    assert found["kinds"] == there.facts["kinds"]
    asked = found["kinds"].keys() | found.get("skipped", {}).keys()
    assert asked == set(functions(twin(framework, name)))


@BOTH
def test_what_is_no_array_is_refused_by_the_annotations(checked, framework):
    """So the annotations were enforced."""
    assert checked[framework]["refusal"] == "TypeCheckError"
