"""What a mismatch is most likely due to: by its phase, and by how the values differ."""

import math

from compare.result import Row

PHASES = {
    "data": "the twins were handed other numbers than the spec drew",
    "parameters": "a size, a constant or a starting value of a twin is not the spec's",
    "outputs": "the forward pass: all that goes into it is the same, bit by bit",
    "loss": "the loss or its reduction: no outputs were found to differ",
    "gradients": "the backward pass, as at a kink, a detached or a hand-written "
    "derivative: no outputs and no loss were found to differ",
    "state": "the optimizer's own numbers, such as its betas: no gradients were found "
    "to differ",
    "update": "the optimizer's step, such as its learning rate, eps or decay: no "
    "gradients were found to differ",
    "trajectory": "something carried from step to step: no single step was found to "
    "differ",
    "predictions": "what is done at prediction only: no training was found to differ",
    "oracle": "both frameworks alike, or the third opinion: the two were not found to "
    "differ from each other",
}
"""What the first phase that differs says, since none before it was found to."""
RATIOS = {
    -1.0: "a sign",
    2.0: "a factor of 2, as of a squared error with or without its half",
    0.5: "a factor of 2, as of a squared error with or without its half",
}
CLOSE = 1e-6
"""Of a ratio: nearer to a simple number than chance would have it."""
LARGEST = 5_000
"""Of a factor: by chance one in a hundred would be so near to a whole number."""


def likely(row: Row) -> str:
    """The likely cause of the first row that differs; "" where nothing can be said."""
    if row.verdict == "crashed":
        return ""
    told = PHASES.get(row.phase, "")
    ratio = _ratio(row)
    return f"{told}; {ratio}" if told and ratio else told or ratio


def _ratio(row: Row) -> str:
    """How the two worst values stand to each other."""
    left, right = row.jax, row.torch
    if left is None or right is None or not left or not right:
        return ""
    ratio = right / left
    if not ratio or not math.isfinite(ratio):  # it may have vanished
        return ""
    for simple, meaning in RATIOS.items():
        if math.isclose(ratio, simple, rel_tol=CLOSE):
            return f"the values differ by {meaning}"
    whole = ratio if abs(ratio) > 1 else 1 / ratio
    if 2 < whole < LARGEST and math.isclose(whole, round(whole), rel_tol=CLOSE):
        return (
            f"the values differ by a factor of {round(whole)}: a sum in the place of "
            "a mean?"
        )
    if 0 < abs(ratio - 1) < 1e-3:
        return f"the values differ by {abs(ratio - 1):.2g} of themselves"
    return ""
