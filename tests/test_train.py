"""Training one twin alone: the same run as the harness's, in pieces, and sweeps."""

import json

import numpy as np
import pytest
from support import SPECS, TRAININGS, python
from typer.testing import CliRunner

from compare import cli
from compare.fault import FRAMEWORKS
from compare.train import PIECES, Trained, _pieces

JOBS = {
    "line": ("line_manual", 60, {}),
    "moons": ("moons_mlp_accumulated", 12, {}),
    "decays": ("moons_mlp", 12, {"weight_decay": [0.0, 0.1]}),
    "decay": ("moons_mlp", 12, {"weight_decay": [0.1]}),
    "momenta": ("dynamic_net", 8, {"momentum": [0.0, 0.9]}),
    "rates": ("two_layer_sequential", 4, {"learning_rate": [0.0, 1e-4]}),
    "no step": ("line_manual", 0, {}),
}
WORK = """
import json, sys
from compare import registry
from compare.train import Plan, train

framework, jobs = sys.argv[1], json.loads(sys.argv[2])
done = {}
for job, (name, steps, constants) in jobs.items():
    told = []
    plan = Plan(name, framework, registry.load(name), 3, steps, constants)
    found = train(plan, done=told.append)
    done[job] = [[one.losses.tolist(), one.metric, one.norm] for one in found]
    assert told == sorted(told) and told[-1:] == ([steps] if steps else []), told
assert {"jax": "torch", "torch": "jax"}[framework] not in sys.modules
print(json.dumps(done))
"""


@pytest.fixture(scope="module")
def trained():
    """By framework and job: losses, metric and norm of every run, one row each."""
    found = {}
    for framework in FRAMEWORKS:
        done = python("-c", WORK, framework, json.dumps(JOBS))
        assert done.returncode == 0, done.stderr
        found[framework] = {
            job: np.array([[*losses, metric, norm] for losses, metric, norm in runs])
            for job, runs in json.loads(done.stdout).items()
        }
    return found


@pytest.mark.parametrize("steps", [0, 1, 49, 50, 51, 99, 500, 4000])
def test_pieces_are_the_whole_and_of_one_length(steps):
    pieces = _pieces(steps)
    assert [at for piece in pieces for at in range(*piece)] == [*range(steps)]
    assert len(pieces) <= PIECES
    assert len({end - begin for begin, end in pieces[:-1]}) <= 1


def test_the_norm_is_that_of_all_parameters_together():
    parameters = {"w": np.array([[3.0, 0.0]]), "b": np.array([4.0])}
    assert Trained(np.zeros(0), parameters, {}, 0.0).norm == 5.0


@pytest.mark.parametrize("job", JOBS)
def test_both_frameworks_train_alike(trained, job):
    """In float32, so to a few digits; the exact proof is what `run` is for."""
    _, steps, constants = JOBS[job]
    jax, torch = (trained[framework][job] for framework in FRAMEWORKS)
    runs = max([1, *map(len, constants.values())])
    assert jax.shape == torch.shape == (runs, steps + 2)
    assert np.allclose(jax, torch, rtol=1e-3)


def test_the_line_starts_and_ends_where_it_is_known_to(trained):
    for framework in FRAMEWORKS:
        losses = trained[framework]["line"][0, :60]
        assert losses[0] == pytest.approx(1.4227023, rel=1e-6)
        assert losses[59] < losses[0] / 100


def test_a_sweep_is_every_run_by_itself(trained):
    """JAX's runs at once give what each value gives alone."""
    for framework in FRAMEWORKS:
        both, single = trained[framework]["decays"], trained[framework]["decay"]
        assert np.allclose(both[1], single[0], rtol=1e-4)
        assert both[0, -1] > both[1, -1]  # the norm that decay makes smaller


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_constants_of_the_optimizer_and_of_the_step_are_swept(trained, framework):
    """Where there is no optimizer, `learning_rate` belongs to `train_step`."""
    momenta, rates = trained[framework]["momenta"], trained[framework]["rates"]
    assert not np.allclose(momenta[0], momenta[1], rtol=1e-3)
    assert np.ptp(rates[0, :4]) == 0
    assert rates[1, 3] < rates[1, 0]


# ----------------------------------------------------------------- the command itself

ALONE = """
import sys
from importlib.machinery import PathFinder

real, missing = PathFinder.find_spec, {missing!r}

def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] in missing else real(name, path, target)

PathFinder.find_spec = find_spec
sys.argv = ["twinnets", "train", *{arguments!r}]
from compare.cli import main
main()
"""


@pytest.mark.parametrize(
    ("framework", "missing"),
    [("jax", ("torch",)), ("torch", ("jax", "flax", "optax", "grain"))],
)
def test_losses_and_a_picture_where_only_one_framework_is(tmp_path, framework, missing):
    path = tmp_path / "s.png"
    arguments = ["line_sgd", "--steps", "250", "--plot", str(path)]
    done = python("-c", ALONE.format(missing=missing, arguments=arguments))
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    losses = {int(w[1]): float(w[3]) for w in lines if w[:1] == ["step"]}
    assert [*losses] == [0, 99, 199]  # what the notebook prints
    assert losses[0] == pytest.approx(1.4227023, rel=1e-6)
    assert "true" in done.stdout
    assert "0.300000" in done.stdout
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_sweep_is_a_table():
    arguments = ["dynamic_net", "--steps", "5", "--sweep", "momentum=0,0.9"]
    done = python("-c", ALONE.format(missing=("torch",), arguments=arguments))
    assert done.returncode == 0, done.stderr
    assert "loss at 4" in done.stdout
    assert "norm of parameters" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["kinks"], "kinks is a lesson"),
        (["line_sg"], "there is no example 'line_sg': did you mean line_sgd"),
        (["line_sgd"], "expected jax or torch"),
        (["line_sgd", "--framework", "jax", "--steps", "9999"], "at most 1000"),
        (["line_sgd", "--framework", "jax", "--sweep", "b1=0"], "got 'b1'"),
        (["line_sgd", "--framework", "jax", "--plot", "a.gif"], ".png or .svg"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments, says):
    done = CliRunner().invoke(cli.app, ["train", *arguments])
    assert done.exit_code == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", TRAININGS)
def test_every_training_says_which_losses_are_printed(name):
    spec = SPECS[name]
    assert spec.printed
    assert all(0 <= step < spec.steps for step in spec.printed)
