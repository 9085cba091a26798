"""A user's own pair in every report: the layer, the cause, the map of weights."""

import xml.etree.ElementTree as xml

import made_up_pairs as pairs
import made_up_runs as runs
import pytest
from pages import Page

from compare import answer
from compare.pair_facts import number, pair_of
from compare.report.junit import junit
from compare.report.markdown import markdown
from compare.report.matrix import COLUMNS, columns
from compare.report.page import page


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Page(page(runs.of_pairs(), tmp_path_factory.mktemp("pair")))


def section(made: Page, title: str) -> str:
    """What is told of one pair, below its name."""
    return made.source.partition('id="examples"')[2].partition(title)[2]


def test_the_answer_is_of_pairs(made):
    assert answer.agreement(runs.of_pairs()).startswith("1 of 2 pairs agree")
    assert (
        answer.agreement(runs.odd_pairs()).partition(":")[0].endswith("examples agree")
    )
    assert "Pairs" in made.text
    assert "as fast" not in made.text


def test_the_layer_and_the_cause_stand_before_the_tables(made):
    told = section(made, "port.py::torch_model</h3>")
    places = [
        told.index(part)
        for part in (
            "LayerNorm norm gives other outputs for the same inputs",
            "eps is 1e-05 in PyTorch and 1e-06 in JAX",
            "3.2e+10 → 0.4",
            "Layer by layer",
            "How the weights were mapped",
            "What computes in less than float64",
            "Every check",
        )
    ]
    assert places == sorted(places)
    assert "no example of that name" not in told


def test_the_mismatch_has_the_cause_of_the_pair_and_its_command(made):
    told = made.source.partition('id="mismatch"')[2].partition("</section>")[0]
    assert "eps is 1e-05" in told
    assert "the forward pass" not in told
    assert "twinnets pair a.py::a" in told
    assert "twinnets show" not in told


def test_without_causes_the_phase_says_what_is_likely(tmp_path):
    run = runs.run(pairs.failing(causes=[], blamed=None))
    assert "the forward pass: all that goes into it is the same" in page(run, tmp_path)


@pytest.mark.parametrize(
    ("scores", "kind"),
    [
        ({"own_score": 33.0, "input_score": 1e9}, "own"),
        ({"own_score": "inf"}, "own"),
        ({"own_score": 32.0, "inherited_score": 33.0}, "inherited"),
        ({"own_score": None, "input_score": 1e9}, "inherited"),
        ({"own_score": 0.0, "inherited_score": 0.5}, "agrees"),
        ({"own_score": None}, "unknown"),
        ({"own_score": True}, "unknown"),
    ],
)
def test_which_layer_differs_on_its_own(scores, kind):
    pair = pair_of(pairs.failing(layers=[scores]))
    assert pair is not None
    assert [layer.kind for layer in pair.layers] == [kind]


@pytest.mark.parametrize(
    ("score", "said"),
    [(None, ""), (0.0, "0"), (1.234e9, "1.2e+09"), (float("inf"), "∞")],
)
def test_scores_as_they_are_shown(score, said):
    assert number(score) == said


def test_only_pairs_have_facts_of_pairs():
    assert pair_of(runs.training()) is None


def test_there_are_only_columns_that_pairs_have():
    both = runs.run(pairs.passing(), runs.training())
    assert columns(both) == COLUMNS
    assert "trajectory" not in columns(runs.of_pairs())
    assert {"outputs", "float32"} <= set(columns(runs.of_pairs()))


def test_markdown_tells_layer_cause_and_weights():
    text = markdown(runs.of_pairs())
    told, _, rest = text.partition("### What was compared")
    assert "LayerNorm norm gives other outputs" in told
    assert "score 3.2e+10 → 0.4" in told
    assert (
        "| norm | norm | LayerNorm | 0.4 | 3.2e+10 | 3.2e+10 | ∞ | differs here |"
        in rest
    )
    assert "| linear1.weight | 16 × 8 | linear1/kernel | 8 × 16 | transposed |" in rest
    assert "a batch of 1 cannot show" in rest
    assert "Times:" not in text


def test_junit_says_where_and_why_in_the_first_test_that_fails():
    root = xml.fromstring(junit(runs.of_pairs()))
    first, second = root.findall(".//failure")
    assert "eps is 1e-05 in PyTorch" in (first.text or "")
    assert "eps" not in (second.text or "")
    assert "JAX 0.5, PyTorch 0.500001" in (first.text or "")
