"""What Markdown says of users' own pairs: layers, the map of weights, warnings."""

from collections.abc import Iterator

from compare.pair_facts import Layer, Pair, number, pair_of
from compare.report.fitted import Part, row, said, table
from compare.report.text import markdown
from compare.result import Run

SAYS = {"own": "differs here", "inherited": "inherited", "agrees": "agrees"}
SCORES = ("its input", "on its own", "as it runs", "gradient")


def warnings(run: Run) -> Iterator[str]:
    """What a pair's check could not see, and what computes in less than float64."""
    for name, pair in _pairs(run):
        for line in (*pair.warnings, *pair.spots):
            yield f"- **{said(name)}**: {said(line)}\n"


def layers(run: Run) -> Iterator[Part]:
    """Layer by layer, of pairs that differ."""
    for name, pair in _pairs(run):
        columns = ("PyTorch", "JAX", "type", *SCORES, "")
        head = table(f"Layer by layer: {markdown(name)}", *columns)
        yield Part(head, [_layer(layer) for layer in pair.layers])


def _layer(layer: Layer) -> str:
    scores = (number(score) for _, score in layer.scores)
    says = SAYS.get(layer.kind, "")
    return row(layer.torch, layer.jax, layer.type, *scores, says)


def weights(run: Run) -> Iterator[Part]:
    """The map of weights, folded away."""
    for name, pair in _pairs(run):
        summary = f"How the weights of {markdown(name)} were mapped"
        columns = " | ".join(("PyTorch", "shape", "JAX", "shape", "how", "note"))
        head = f"\n<details><summary>{summary}</summary>\n\n| {columns} |\n"
        lines = [
            row(w.torch, w.torch_shape, w.jax, w.jax_shape, w.transform, w.note)
            for w in pair.weights
        ]
        rule = "|".join(["---"] * 6)
        yield Part(f"{head}|{rule}|\n", lines, "\n</details>\n")


def _pairs(run: Run) -> Iterator[tuple[str, Pair]]:
    for example in run.examples:
        if pair := pair_of(example):
            yield example.name, pair
