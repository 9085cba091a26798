"""Who imports whom: frameworks late, alone, and never from `compare`."""

import ast
import json
import pkgutil

import pytest
from support import NAMES, ROOT, imports, python

import compare
from compare.fault import FRAMEWORKS
from compare.plant import PACKAGE
from compare.plant import PARTS as OWN

WORLDS = {"jax": {"jax", "jaxlib", "flax", "optax", "grain"}, "torch": {"torch"}}
PARTS = (*OWN["torch"], *NAMES)
"""What both sides have; JAX's has `steps` besides, which its runtime imports."""
EITHER = WORLDS["jax"] | WORLDS["torch"]
COMPARE = tuple(
    module.name for module in pkgutil.walk_packages(compare.__path__, "compare.")
)
PROGRAM = """
import importlib, json, sys
found = {}
for name in sys.argv[1:]:
    before = set(sys.modules)
    importlib.import_module(name)
    new = set(sys.modules) - before
    found[name] = sorted({module.partition(".")[0] for module in new})
print(json.dumps(found))
"""


def imported_by(*names: str) -> dict[str, set[str]]:
    """The top-level packages that each module brings in, one after the other."""
    done = python("-c", PROGRAM, *names)
    assert done.returncode == 0, done.stderr
    return {name: set(found) for name, found in json.loads(done.stdout).items()}


@pytest.fixture(scope="module")
def by_compare() -> dict[str, set[str]]:
    return imported_by(*COMPARE)


@pytest.fixture(scope="module")
def by_twins() -> dict[str, set[str]]:
    found = {}
    for framework in FRAMEWORKS:
        found |= imported_by(*(f"{PACKAGE[framework]}.{part}" for part in PARTS))
    return found


def test_all_of_compare_is_looked_at():
    """A run, a worker and the specs are among the modules below."""
    assert {"compare.cli", "compare.run", "compare.worker", "compare.__main__"} <= set(
        COMPARE
    )
    assert {f"compare.specs.{name}" for name in NAMES} <= set(COMPARE)


@pytest.mark.parametrize("module", COMPARE)
def test_a_module_of_compare_brings_in_no_framework(by_compare, module):
    assert not by_compare[module] & (EITHER | set(PACKAGE.values()))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_twin_brings_in_neither_the_other_framework_nor_compare(
    by_twins, framework, part
):
    theirs = next(side for side in FRAMEWORKS if side != framework)
    forbidden = WORLDS[theirs] | {"compare", PACKAGE[theirs]}
    assert not by_twins[f"{PACKAGE[framework]}.{part}"] & forbidden


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_runtime_does_bring_in_its_framework(by_twins, framework):
    """Else the tests above would prove nothing."""
    found = set().union(
        *(by_twins[f"{PACKAGE[framework]}.{part}"] for part in PARTS),
    )
    assert framework in found


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("list",), ("list", "--json"), ("show", "line_linear")],
    ids=" ".join,
)
def test_what_runs_nothing_imports_no_framework(arguments):
    done = python("-X", "importtime", "-m", "compare", *arguments)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    imported = {line.rpartition("|")[2].strip() for line in lines if "|" in line}
    assert "compare.cli" in imported  # so the lines are understood
    assert not {name.partition(".")[0] for name in imported} & EITHER


# ------------------------------------------------------------ in the sources, nowhere


def sources(package: str) -> list:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", ["compare", *PACKAGE.values()])
def test_no_import_statement_of_what_is_forbidden(package):
    mine = {PACKAGE[side]: WORLDS[side] for side in FRAMEWORKS}.get(package, set())
    ours = {"compare", *PACKAGE.values()} - {package}
    forbidden = (EITHER | ours) - mine
    guilty = {
        path.name: found
        for path in sources(package)
        if (found := imports(ast.parse(path.read_text(encoding="utf-8"))) & forbidden)
    }
    assert guilty == {}
    assert sources(package)


def test_compare_loads_no_framework_by_a_fixed_name():
    """Names come from `plant.PACKAGE`, in a worker; nowhere is one spelled out.

    Packages of the twins may be looked for (`find_spec`), which imports nothing.
    """
    guilty = []
    for path in sources("compare"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            fixed = [a.value for a in node.args if isinstance(a, ast.Constant)]
            if called.endswith(("import_module", "__import__")):
                names = {str(value).partition(".")[0] for value in fixed}
                guilty += [path.name] if names & EITHER else []
    assert guilty == []
