"""Tensors: how they are made, converted, indexed, combined, reduced and changed.

Most functions give the same in both frameworks. Those that do not are the ones on
which code breaks when it is carried over: which dtype comes out, who shares memory
with whom, what happens outside the allowed range, and what a default means.

Notebook: "Neural Networks with PyTorch", PyTorch Tensors, and the mesh in Plotting the
predictive surface.
Notebook: "Basics of PyTorch", as far as its gradients.
Notebook: "Introduction to PyTorch", where it switches warnings off.
Notebook: "PyTorch", Tensors.

Equation:
    std(x) = √(Σ (xᵢ - mean)² / d)       d = n in JAX, n - 1 in PyTorch
    X = U diag(σ) Vᵀ                     Vᵀ is returned in JAX, V by `torch.svd`
    x = 3 ⌊x / 3⌋ + remainder            rounded down, below 0 too

Differs: JAX's numbers have at most 32 bits unless x64 is enabled, and its arrays never
change: what looks like writing makes another one, so that no view, second name or NumPy
array is affected. PyTorch's integers have 64 bits, and its tensors are written in
place and share their memory. Outside of the allowed range PyTorch raises, where JAX,
which cannot raise in compiled code, returns something: the last element, an unchanged
array, a number without meaning. Defaults differ in standard deviations, medians,
singular value decompositions and mesh grids.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.random import Generator

from compare.fault import Edit, Fault
from compare.spec import Arrays, Difference, Expected, Lesson

Inputs = Mapping[str, Any]
PRECISIONS = ("float64", "float32")


def inputs(rng: Generator) -> dict[str, Any]:
    """Matrices of 4 × 3, vectors of other lengths, whole numbers, what Python has."""
    return {
        "matrix": rng.standard_normal((4, 3)),
        "other": rng.standard_normal((4, 3)),
        "row": rng.standard_normal(3),
        "column": rng.standard_normal((4, 1)),
        "cube": rng.standard_normal((2, 3, 5)),
        "vector": rng.standard_normal(5),
        "second": rng.standard_normal(5),
        "counts": rng.integers(-9, 10, 8).astype(np.int32),
        "positions": rng.permutation(4),
        "mask": rng.permutation(12).reshape(4, 3) < 5,
        "numbers": rng.standard_normal((2, 3)).tolist(),
        "large_number": 2**40 + int(rng.integers(1000)),
        "numpy_array": rng.standard_normal((2, 3)),
    }


def _everywhere(jax: str, torch: str) -> dict[str, tuple[str, str]]:
    """The same kinds in both precisions; `real` stands for the run's own dtype."""
    return {p: (jax.replace("real", p), torch.replace("real", p)) for p in PRECISIONS}


def _only_float32(jax: str, torch: str) -> dict[str, tuple[str, str]]:
    """Kinds that differ without x64 only."""
    return {"float32": (jax, torch)}


def _single(value: Callable[[Inputs], Any]) -> Callable[[Inputs], Arrays]:
    """The leaves of a function that returns a single thing."""
    return lambda inputs: {"": np.asarray(value(inputs))}


def _with(array: np.ndarray, index: int | tuple[int, int], value: float) -> np.ndarray:
    """A copy in which one element is another."""
    changed = np.array(array)
    changed[index] = value
    return changed


def _middle(matrix: np.ndarray) -> np.ndarray:
    """The lower one of the two elements in the middle."""
    return np.asarray(np.sort(matrix, axis=None)[(matrix.size - 1) // 2])


DTYPES = {
    "arange_of_integers": Difference(
        reason="PyTorch's integers have 64 bits; JAX's have 32 unless x64 is enabled.",
        kinds=_only_float32("int32[3]", "int64[3]"),
    ),
    "from_large_integer": Difference(
        reason="Without x64, JAX has no integer that can hold 2⁴⁰ and says so.",
        kinds=_only_float32("raises OverflowError", "int64[1]"),
        jax=_single(lambda inputs: [inputs["large_number"]]),
        torch=_single(lambda inputs: [inputs["large_number"]]),
    ),
    "wide_dtypes": Difference(
        reason="Without x64, JAX warns and gives 32 bits when asked for 64.",
        kinds=_only_float32(
            "(float32[8], int32[8]) warns UserWarning", "(float64[8], int64[8])"
        ),
    ),
    "largest_and_position": Difference(
        reason="Positions are int64 in PyTorch, and int32 in JAX without x64.",
        kinds=_only_float32("(float32[4], int32[4])", "(float32[4], int64[4])"),
    ),
    "count_true": Difference(
        reason="Sums of booleans are int64 in PyTorch, and int32 in JAX without x64.",
        kinds=_only_float32("int32[]", "int64[]"),
    ),
    "dtype_name": Difference(
        reason="JAX uses NumPy's dtypes; PyTorch has its own, named `torch.…`.",
        kinds=_everywhere("'real'", "'torch.real'"),
    ),
    "promotion_by_scalar": Difference(
        reason="In PyTorch a tensor without axes widens no dtype of its own category, "
        "like a Python number; in JAX it counts as any other array.",
        kinds=_everywhere("int32[8]", "int8[8]"),
    ),
    "true_division": Difference(
        reason="From 32-bit integers JAX makes float32 whatever the default; PyTorch "
        "makes the default dtype.",
        kinds={"float64": ("float32[8]", "float64[8]")},
    ),
    "mean_of_integers": Difference(
        reason="JAX, like NumPy, gives a float; PyTorch wants to be told a dtype.",
        kinds=_everywhere("float32[]", "raises RuntimeError"),
        jax=_single(lambda inputs: inputs["counts"].mean()),
    ),
}

MEMORY = {
    "from_numpy": Difference(
        reason="PyTorch keeps NumPy's float64; JAX rounds it to float32 without x64.",
        kinds=_only_float32("float32[2,3]", "float64[2,3]"),
    ),
    "from_numpy_then_change": Difference(
        reason="`torch.from_numpy` shares the memory of the NumPy array (and keeps its "
        "float64); `jnp.array` copies.",
        kinds=_only_float32("float32[2,3]", "float64[2,3]"),
        jax=_single(lambda inputs: inputs["numpy_array"]),
        torch=_single(lambda inputs: _with(inputs["numpy_array"], (1, 2), 2.0)),
    ),
    "write_through_numpy": Difference(
        reason="`Tensor.numpy()` shares memory both ways; NumPy's view of a JAX array "
        "can be read only.",
        kinds=_everywhere("raises ValueError", "real[4,3]"),
        torch=_single(lambda inputs: _with(inputs["matrix"], (1, 2), 2.0)),
    ),
    "flat_view_then_change": Difference(
        reason="A view shares its elements with the tensor; JAX arrays never change, "
        "so writing makes a new array.",
        relation=lambda jax, inputs: {"": _with(jax[""], (0, 0), 2.0)},
    ),
    "flat_view_of_transposed": Difference(
        reason="PyTorch's `view` refuses where it would have to copy; JAX's `reshape` "
        "copies, as PyTorch's `reshape` would.",
        kinds=_everywhere("real[12]", "raises RuntimeError"),
        jax=_single(lambda inputs: inputs["matrix"].T.reshape(-1)),
    ),
    "write_element": Difference(
        reason="JAX arrays cannot be assigned to; `x.at[index].set(value)` returns "
        "a changed copy.",
        kinds=_everywhere("raises TypeError", "real[4,3]"),
        torch=_single(lambda inputs: _with(inputs["matrix"], (1, 2), 2.0)),
    ),
    "add_in_place": Difference(
        reason="`+=` changes PyTorch's tensor, under all its names; in JAX it gives "
        "one name to a new array.",
        relation=lambda jax, inputs: {"": jax[""] + 1},
    ),
}

RANGES = {
    "division_by_integer_zero": Difference(
        reason="PyTorch checks; on an accelerator nothing can be raised, so JAX "
        "returns a number without meaning.",
        kinds=_everywhere("int32[8]", "raises RuntimeError"),
    ),
    "negative_step": Difference(
        reason="PyTorch's slices have positive steps only: use `torch.flip`.",
        kinds=_everywhere("real[5]", "raises ValueError"),
        jax=_single(lambda inputs: inputs["vector"][::-1]),
    ),
    "read_out_of_range": Difference(
        reason="JAX cannot raise in compiled code and reads the last element instead.",
        kinds=_everywhere("real[]", "raises IndexError"),
        jax=_single(lambda inputs: inputs["vector"][-1]),
    ),
    "write_out_of_range": Difference(
        reason="JAX cannot raise in compiled code and drops the write.",
        kinds=_everywhere("real[5]", "raises IndexError"),
        jax=_single(lambda inputs: inputs["vector"]),
    ),
    "dot_of_matrices": Difference(
        reason="`torch.dot` is for vectors; `jnp.dot`, like NumPy's, also multiplies "
        "matrices.",
        kinds=_everywhere("real[4,4]", "raises RuntimeError"),
        jax=_single(lambda inputs: inputs["matrix"] @ inputs["other"].T),
    ),
}

DEFAULTS = {
    "std": Difference(
        reason="PyTorch divides by n - 1 (`correction=1`), JAX by n (`ddof=0`).",
        relation=lambda jax, inputs: {"": jax[""] * np.sqrt(12 / 11)},
    ),
    "median": Difference(
        reason="Of the two elements in the middle PyTorch takes the lower one, JAX "
        "their mean.",
        jax=_single(lambda inputs: np.median(inputs["matrix"])),
        torch=_single(lambda inputs: _middle(inputs["matrix"])),
    ),
    "svd_shape": Difference(
        reason="`jnp.linalg.svd` returns a square U (`full_matrices=True`), "
        "`torch.svd` a reduced one (`some=True`).",
        jax=lambda inputs: {"0": np.array(4), "1": np.array(4)},
        torch=lambda inputs: {"0": np.array(4), "1": np.array(3)},
    ),
    "svd_last_factor": Difference(
        reason="`torch.svd` returns V; `jnp.linalg.svd` and `torch.linalg.svd` return "
        "its transpose Vᴴ.",
        relation=lambda jax, inputs: {"": jax[""].T},
    ),
    "meshgrid_by_default": Difference(
        reason="The first input runs along the first axis in PyTorch (`ij`), along "
        "the second in JAX and NumPy (`xy`).",
        kinds=_everywhere(
            "(real[5,3], real[5,3])", "(real[3,5], real[3,5]) warns UserWarning"
        ),
        relation=lambda jax, inputs: {"0": jax["0"].T, "1": jax["1"].T},
    ),
}


def _numpy(function: str, value: Callable[[Inputs], Any]) -> Expected:
    """A single result that NumPy computes too."""
    return Expected(function, _single(value), "NumPy, float64")


EXPECTED = (
    _numpy("std_by_count", lambda inputs: np.std(inputs["matrix"])),
    _numpy("x_transposed_y", lambda inputs: inputs["matrix"].T @ inputs["other"]),
    _numpy("matmul", lambda inputs: inputs["matrix"] @ inputs["cube"]),
    _numpy("dot", lambda inputs: np.dot(inputs["vector"], inputs["second"])),
    _numpy("broadcasting", lambda inputs: inputs["row"] + inputs["column"]),
    _numpy("clamp", lambda inputs: np.clip(inputs["matrix"], -0.5, 0.5)),
    _numpy("unique", lambda inputs: np.unique(inputs["counts"])),
    _numpy("svd_product", lambda inputs: inputs["matrix"]),
    _numpy("singular_values", lambda inputs: np.linalg.svd(inputs["matrix"])[1]),
    _numpy(
        "masked_write", lambda inputs: np.where(inputs["mask"], 0, inputs["matrix"])
    ),
)

FAULTS = (
    Fault(
        "std's divisor switched",
        "torch",
        "outputs",
        Edit("return matrix.std()\n", "return matrix.std(correction=0)\n"),
        says="the documented difference is gone",
    ),
    Fault(
        "a result of another dtype",
        "torch",
        "outputs",
        Edit("return mask.sum()", "return mask.sum(dtype=torch.int16)"),
        says="int16",
    ),
)

SPEC = Lesson(
    teaches="what tensors do, and where the frameworks do it differently by design",
    inputs=inputs,
    raw=frozenset({"numbers", "large_number", "numpy_array"}),
    differences=DTYPES | MEMORY | RANGES | DEFAULTS,
    expected=EXPECTED,
    needs_gpu=frozenset({"to_gpu_and_back"}),
    faults=FAULTS,
)
