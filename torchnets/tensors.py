"""Tensors: made, converted, indexed, combined, reduced and changed.

A tensor can be written to in place, and slices, views and NumPy arrays made from it
may share its memory. Python floats become the default dtype, Python integers int64.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int32, Num
from torch import Tensor

Matrix = Float[Tensor, "rows columns"]
Row = Float[Tensor, "columns"]
Column = Float[Tensor, "rows 1"]
Cube = Float[Tensor, "batch columns length"]
Vector = Float[Tensor, "length"]
Number = Float[Tensor, ""]
Elements = Float[Tensor, "elements"]
Grid = Float[Tensor, "columns length"]
Counts = Int32[Tensor, "length"]
Mask = Bool[Tensor, "rows columns"]
Positions = Int[Tensor, "rows"]
NumpyMatrix = Float[np.ndarray, "rows columns"]


def constants() -> tuple[Float[Tensor, "2 3"], Float[Tensor, "3"], Number]:
    """Zeros, ones and one other number, in the default dtype."""
    return torch.zeros(2, 3), torch.ones(3), torch.full((), 0.5)


def like_another(matrix: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Constants with the shape and dtype of another tensor."""
    return torch.zeros_like(matrix), torch.ones_like(matrix), torch.full_like(matrix, 7)


def arange_of_integers() -> Int[Tensor, "3"]:
    """2, 5, 8: the end, 11, is left out."""
    return torch.arange(2, 11, 3)


def evenly_spaced() -> tuple[Float[Tensor, "4"], Float[Tensor, "9"]]:
    """By the step, the end left out; by the count, the end included."""
    return torch.arange(0.0, 1.0, 0.25), torch.linspace(-1.5, 2.5, 9)


def from_list(numbers: list[list[float]]) -> Matrix:
    """A nested list of floats becomes a tensor of the default dtype."""
    return torch.tensor(numbers)


def from_large_integer(large_number: int) -> Int[Tensor, "1"]:
    """An integer that needs more than 32 bits."""
    return torch.tensor([large_number])


def to_list(matrix: Matrix) -> list[list[float]]:
    """A tensor becomes a nested list of Python floats."""
    return matrix.tolist()


def item(matrix: Matrix) -> float:
    """A tensor with a single element becomes a Python number."""
    return matrix.mean().item()


def from_numpy(numpy_array: NumpyMatrix) -> Matrix:
    """NumPy's floats have 64 bits: are they kept?"""
    return torch.from_numpy(numpy_array)


def from_numpy_then_change(numpy_array: NumpyMatrix) -> Matrix:
    """Is a change of the NumPy array seen in the tensor made from it?"""
    tensor = torch.from_numpy(numpy_array)
    numpy_array[1, 2] = 2.0
    return tensor


def copy_numpy_then_change(numpy_array: NumpyMatrix) -> Matrix:
    """A change of the NumPy array is never seen in a copy."""
    tensor = torch.tensor(numpy_array, dtype=torch.get_default_dtype())
    numpy_array[1, 2] = 2.0
    return tensor


def to_numpy(matrix: Matrix) -> NumpyMatrix:
    """A tensor in the computer's memory becomes a NumPy array."""
    return matrix.numpy()


def write_through_numpy(matrix: Matrix) -> Matrix:
    """Can the tensor be changed through the NumPy array made from it?"""
    tensor = matrix.clone()
    tensor.numpy()[1, 2] = 2.0
    return tensor


def narrow_dtypes(
    counts: Counts,
) -> list[Num[Tensor, "length"] | Bool[Tensor, "length"]]:
    """The same whole numbers in every dtype of up to 32 bits."""
    integers = torch.bool, torch.int8, torch.int16, torch.int32
    floats = torch.float16, torch.bfloat16, torch.float32
    return [counts.to(dtype) for dtype in integers + floats]


def wide_dtypes(counts: Counts) -> tuple[Num[Tensor, "length"], Num[Tensor, "length"]]:
    """The same whole numbers in 64 bits, asked for by name."""
    return counts.to(torch.float64), counts.to(torch.int64)


def promotion(counts: Counts) -> dict[str, Num[Tensor, "length"]]:
    """The dtype of a sum holds both kinds of numbers, if not all their digits."""
    return {
        "bool_int8": counts.bool() + counts.to(torch.int8),
        "uint8_int8": counts.to(torch.uint8) + counts.to(torch.int8),
        "int32_float16": counts + counts.half(),
        "float16_bfloat16": counts.half() + counts.bfloat16(),
        "float16_number": counts.half() + 0.5,
    }


def promotion_by_scalar(counts: Counts) -> Int[Tensor, "length"]:
    """int8 plus an int32 without axes: does it count as a tensor or as a number?"""
    return counts.to(torch.int8) + counts[0]


def true_division(counts: Counts) -> Float[Tensor, "length"]:
    """Halves of integers are floats: of which dtype?"""
    return counts / 2


def floor_division(counts: Counts) -> tuple[Counts, Counts]:
    """x = 3 ⌊x / 3⌋ + remainder, rounded down below zero too."""
    return counts // 3, counts % 3


def division_by_integer_zero(counts: Counts) -> Counts:
    """Integers have no infinity to answer with."""
    return counts // 0


def mean_of_integers(counts: Counts) -> Number:
    """The mean of integers is seldom one."""
    return counts.mean()


def shape(cube: Cube) -> tuple[tuple[int, ...], int, int]:
    """The shape, the number of axes and the number of elements."""
    return tuple(cube.shape), cube.ndim, cube.numel()


def dtype_name(matrix: Matrix) -> str:
    """The dtype as text."""
    return str(matrix.dtype)


def device_of_result(matrix: Matrix) -> str:
    """What is computed from a tensor stays on its device."""
    return (2 * matrix.to("cpu")).device.type


def to_gpu_and_back(matrix: Matrix) -> NumpyMatrix:
    """Moved to the GPU, computed there, moved back for NumPy."""
    return (2 * matrix.to("cuda") + 1).cpu().numpy()


def slices(matrix: Matrix) -> tuple[Float[Tensor, "..."], ...]:
    """A row, the corner, the last column, every other row."""
    return matrix[0], matrix[:2, :2], matrix[..., -1], matrix[::2]


def rows_by_position(matrix: Matrix, positions: Positions) -> Matrix:
    """Rows in another order, by their numbers."""
    return matrix[positions]


def selected_by_mask(matrix: Matrix, mask: Mask) -> Float[Tensor, "selected"]:
    """The elements where the mask is true: how many depends on the data."""
    return matrix[mask]


def where(matrix: Matrix, other: Matrix) -> Matrix:
    """Elementwise choice: the positive of one, otherwise those of the other."""
    return torch.where(matrix > 0, matrix, other)


def negative_step(vector: Vector) -> Vector:
    """Backwards by a slice."""
    return vector[::-1]


def read_out_of_range(vector: Vector) -> Number:
    """Reading element 99 of a few."""
    return vector[99]


def write_out_of_range(vector: Vector) -> Vector:
    """Writing element 99 of a few."""
    changed = vector.clone()
    changed[99] = 0.0
    return changed


def broadcasting(row: Row, column: Column) -> Matrix:
    """An axis that is missing or has length 1 is repeated."""
    return row + column


def binary_operations(matrix: Matrix, other: Matrix) -> tuple[Matrix, ...]:
    """Sum, difference, product and quotient, element by element."""
    return matrix + other, matrix - other, matrix * other, matrix / other


def unary_operations(matrix: Matrix) -> tuple[Matrix, ...]:
    """|x|, sin x and cos x (x in radians), x³."""
    return torch.abs(matrix), torch.sin(matrix), torch.cos(matrix), matrix**3


def clamp(matrix: Matrix) -> Matrix:
    """min(max(x, -½), ½)."""
    return torch.clamp(matrix, -0.5, 0.5)


def chaining(matrix: Matrix, other: Matrix) -> Number:
    """max |sin XᵀY|, read from left to right."""
    return matrix.T.matmul(other).sin().abs().max()


def reductions(matrix: Matrix) -> tuple[Number, ...]:
    """Sum, mean, product and maximum of all elements."""
    return matrix.sum(), matrix.mean(), matrix.prod(), matrix.max()


def reductions_along_axis(matrix: Matrix) -> tuple[Row, Column]:
    """The sum of every column, and the mean of every row with its axis kept."""
    return matrix.sum(dim=0), matrix.mean(dim=1, keepdim=True)


def largest_and_position(matrix: Matrix) -> tuple[Float[Tensor, "rows"], Positions]:
    """The largest of every row and where it is."""
    values, positions = matrix.max(dim=1)
    return values, positions


def std(matrix: Matrix) -> Number:
    """√(Σ(x - mean)² / d): is d the count n, or n - 1?"""
    return matrix.std()


def std_by_count(matrix: Matrix) -> Number:
    """√(Σ(x - mean)² / n)."""
    return matrix.std(correction=0)


def median(matrix: Matrix) -> Number:
    """The middle element, where the count is even and there are two."""
    return matrix.median()


def unique(counts: Counts) -> Int32[Tensor, "distinct"]:
    """The distinct elements, sorted."""
    return torch.unique(counts)


def count_true(mask: Mask) -> Int[Tensor, ""]:
    """True counts as 1."""
    return mask.sum()


def matmul(matrix: Matrix, cube: Cube) -> Float[Tensor, "batch rows length"]:
    """X Z_b for every matrix Z_b of a batch."""
    return matrix @ cube


def x_transposed_y(matrix: Matrix, other: Matrix) -> Float[Tensor, "columns columns"]:
    """XᵀY."""
    return matrix.T @ other


def dot(vector: Vector, second: Vector) -> Number:
    """Σ xᵢyᵢ."""
    return torch.dot(vector, second)


def dot_of_matrices(matrix: Matrix, other: Matrix) -> Float[Tensor, "rows rows"]:
    """XYᵀ, asked of a function for vectors."""
    return torch.dot(matrix, other.T)


def singular_values(matrix: Matrix) -> Float[Tensor, "columns"]:
    """The σ of X = U diag(σ) Vᵀ, largest first."""
    return torch.linalg.svdvals(matrix)


def svd_shape(matrix: Matrix) -> tuple[int, ...]:
    """Is U square, or has it as many columns as there are singular values?"""
    left, _, _ = torch.svd(matrix)
    return tuple(left.shape)


def svd_last_factor(matrix: Matrix) -> Float[Tensor, "columns columns"]:
    """V or Vᵀ? Without the signs, which are free."""
    _, _, right = torch.svd(matrix)
    return right.abs()


def svd_product(matrix: Matrix) -> Matrix:
    """U diag(σ) Vᵀ of the reduced decomposition, which is X again."""
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    return left * values @ right


def reshape_and_flatten(matrix: Matrix) -> tuple[Float[Tensor, "2 half"], Elements]:
    """The same elements, row by row, in another shape or in none."""
    return matrix.reshape(2, -1), matrix.flatten()


def flat_view_then_change(matrix: Matrix) -> Matrix:
    """Is a change of the flattened tensor seen in the one it was made from?"""
    tensor = matrix.clone()
    flat = tensor.view(-1)
    flat[0] = 2.0
    return tensor


def flat_view_of_transposed(matrix: Matrix) -> Elements:
    """Transposed, its elements no longer lie in memory row by row."""
    return matrix.T.view(-1)


def squeeze_and_unsqueeze(column: Column) -> tuple[Float[Tensor, "..."], ...]:
    """An axis of length 1 taken away at the end, another put in front."""
    return column.squeeze(-1), column.unsqueeze(0)


def transpose(cube: Cube) -> tuple[Float[Tensor, "..."], ...]:
    """The last two axes swapped, and all three in another order."""
    return cube.transpose(1, 2), cube.permute(2, 0, 1)


def stack_and_concatenate(
    matrix: Matrix, other: Matrix
) -> tuple[Float[Tensor, "..."], ...]:
    """Joined along a new axis, and along one that is there."""
    return torch.stack((matrix, other), dim=1), torch.cat((matrix, other), dim=1)


def meshgrid(row: Row, vector: Vector) -> tuple[Grid, ...]:
    """Coordinates of all pairs; the first input runs along the first axis."""
    return torch.meshgrid(row, vector, indexing="ij")


def meshgrid_by_default(row: Row, vector: Vector) -> tuple[Grid, ...]:
    """Coordinates of all pairs: which input runs along the first axis?"""
    # Without `indexing`, PyTorch warns that the default may change one day.
    return torch.meshgrid(row, vector)


def clone_then_change(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """One element changed in a copy, and the original."""
    changed = matrix.clone()
    changed[1, 2] = 2.0
    return changed, matrix


def write_element(matrix: Matrix) -> Matrix:
    """One element written by assignment."""
    tensor = matrix.clone()
    tensor[1, 2] = 2.0
    return tensor


def add_in_place(matrix: Matrix) -> Matrix:
    """Does `+=` under one name change what another name stands for?"""
    tensor = matrix.clone()
    same = tensor
    tensor += 1
    return same


def masked_write(matrix: Matrix, mask: Mask) -> Matrix:
    """Zeros written where the mask is true."""
    tensor = matrix.clone()
    tensor[mask] = 0.0
    return tensor
