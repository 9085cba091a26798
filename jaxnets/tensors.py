"""Tensors, here arrays: made, converted, indexed, combined, reduced and changed.

An array never changes: what looks like writing makes another one, so it does not
matter who shares memory. Nothing has 64 bits unless `jax_enable_x64` is set.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int, Int32, Num

Matrix = Float[Array, "rows columns"]
Row = Float[Array, "columns"]
Column = Float[Array, "rows 1"]
Cube = Float[Array, "batch columns length"]
Vector = Float[Array, "length"]
Number = Float[Array, ""]
Elements = Float[Array, "elements"]
Grid = Float[Array, "columns length"]
Counts = Int32[Array, "length"]
Mask = Bool[Array, "rows columns"]
Positions = Int[Array, "rows"]
NumpyMatrix = Float[np.ndarray, "rows columns"]


def constants() -> tuple[Float[Array, "2 3"], Float[Array, "3"], Number]:
    """Zeros, ones and one other number, in the default dtype."""
    return jnp.zeros((2, 3)), jnp.ones(3), jnp.full((), 0.5)


def like_another(matrix: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Constants with the shape and dtype of another array."""
    return jnp.zeros_like(matrix), jnp.ones_like(matrix), jnp.full_like(matrix, 7)


def arange_of_integers() -> Int[Array, "3"]:
    """2, 5, 8: the end, 11, is left out."""
    return jnp.arange(2, 11, 3)


def evenly_spaced() -> tuple[Float[Array, "4"], Float[Array, "9"]]:
    """By the step, the end left out; by the count, the end included."""
    return jnp.arange(0.0, 1.0, 0.25), jnp.linspace(-1.5, 2.5, 9)


def from_list(numbers: list[list[float]]) -> Matrix:
    """A nested list of floats becomes an array of the default dtype."""
    return jnp.asarray(numbers)


def from_large_integer(large_number: int) -> Int[Array, "1"]:
    """An integer that needs more than 32 bits."""
    return jnp.asarray([large_number])


def to_list(matrix: Matrix) -> list[list[float]]:
    """An array becomes a nested list of Python floats."""
    return matrix.tolist()


def item(matrix: Matrix) -> float:
    """An array with a single element becomes a Python number."""
    return matrix.mean().item()


def from_numpy(numpy_array: NumpyMatrix) -> Matrix:
    """NumPy's floats have 64 bits: are they kept?"""
    return jnp.asarray(numpy_array)


def from_numpy_then_change(numpy_array: NumpyMatrix) -> Matrix:
    """Is a change of the NumPy array seen in the array made from it?"""
    array = jnp.array(numpy_array)
    numpy_array[1, 2] = 2.0
    return array


def copy_numpy_then_change(numpy_array: NumpyMatrix) -> Matrix:
    """A change of the NumPy array is never seen in a copy."""
    array = jnp.array(numpy_array)
    numpy_array[1, 2] = 2.0
    return array


def to_numpy(matrix: Matrix) -> NumpyMatrix:
    """An array in the computer's memory becomes a NumPy array."""
    return np.asarray(matrix)


def write_through_numpy(matrix: Matrix) -> Matrix:
    """Can the array be changed through the NumPy array made from it?"""
    array = matrix.copy()
    np.asarray(array)[1, 2] = 2.0
    return array


def narrow_dtypes(
    counts: Counts,
) -> list[Num[Array, "length"] | Bool[Array, "length"]]:
    """The same whole numbers in every dtype of up to 32 bits."""
    integers = jnp.bool_, jnp.int8, jnp.int16, jnp.int32
    floats = jnp.float16, jnp.bfloat16, jnp.float32
    return [counts.astype(dtype) for dtype in integers + floats]


def wide_dtypes(counts: Counts) -> tuple[Num[Array, "length"], Num[Array, "length"]]:
    """The same whole numbers in 64 bits, asked for by name."""
    # Without x64, JAX warns that it gives 32 bits instead.
    return counts.astype(jnp.float64), counts.astype(jnp.int64)


def promotion(counts: Counts) -> dict[str, Num[Array, "length"]]:
    """The dtype of a sum holds both kinds of numbers, if not all their digits."""
    return {
        "bool_int8": counts.astype(bool) + counts.astype(jnp.int8),
        "uint8_int8": counts.astype(jnp.uint8) + counts.astype(jnp.int8),
        "int32_float16": counts + counts.astype(jnp.float16),
        "float16_bfloat16": counts.astype(jnp.float16) + counts.astype(jnp.bfloat16),
        "float16_number": counts.astype(jnp.float16) + 0.5,
    }


def promotion_by_scalar(counts: Counts) -> Int[Array, "length"]:
    """int8 plus an int32 without axes: does it count as an array or as a number?"""
    return counts.astype(jnp.int8) + counts[0]


def true_division(counts: Counts) -> Float[Array, "length"]:
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
    return tuple(cube.shape), cube.ndim, cube.size


def dtype_name(matrix: Matrix) -> str:
    """The dtype as text."""
    return str(matrix.dtype)


def device_of_result(matrix: Matrix) -> str:
    """What is computed from an array stays on its device."""
    result = 2 * jax.device_put(matrix, jax.devices("cpu")[0])
    return next(iter(result.devices())).platform


def to_gpu_and_back(matrix: Matrix) -> NumpyMatrix:
    """Moved to the GPU, computed there, moved back for NumPy."""
    return np.asarray(2 * jax.device_put(matrix, jax.devices("gpu")[0]) + 1)


def slices(matrix: Matrix) -> tuple[Float[Array, "..."], ...]:
    """A row, the corner, the last column, every other row."""
    return matrix[0], matrix[:2, :2], matrix[..., -1], matrix[::2]


def rows_by_position(matrix: Matrix, positions: Positions) -> Matrix:
    """Rows in another order, by their numbers."""
    return matrix[positions]


def selected_by_mask(matrix: Matrix, mask: Mask) -> Float[Array, "selected"]:
    """The elements where the mask is true: how many depends on the data."""
    return matrix[mask]


def where(matrix: Matrix, other: Matrix) -> Matrix:
    """Elementwise choice: the positive of one, otherwise those of the other."""
    return jnp.where(matrix > 0, matrix, other)


def negative_step(vector: Vector) -> Vector:
    """Backwards by a slice."""
    return vector[::-1]


def read_out_of_range(vector: Vector) -> Number:
    """Reading element 99 of a few."""
    return vector[99]


def write_out_of_range(vector: Vector) -> Vector:
    """Writing element 99 of a few."""
    return vector.at[99].set(0.0)


def broadcasting(row: Row, column: Column) -> Matrix:
    """An axis that is missing or has length 1 is repeated."""
    return row + column


def binary_operations(matrix: Matrix, other: Matrix) -> tuple[Matrix, ...]:
    """Sum, difference, product and quotient, element by element."""
    return matrix + other, matrix - other, matrix * other, matrix / other


def unary_operations(matrix: Matrix) -> tuple[Matrix, ...]:
    """|x|, sin x and cos x (x in radians), x³."""
    return jnp.abs(matrix), jnp.sin(matrix), jnp.cos(matrix), matrix**3


def clamp(matrix: Matrix) -> Matrix:
    """min(max(x, -½), ½)."""
    return jnp.clip(matrix, -0.5, 0.5)


def chaining(matrix: Matrix, other: Matrix) -> Number:
    """max |sin XᵀY|, read from left to right."""
    return jnp.abs(jnp.sin(matrix.T @ other)).max()


def reductions(matrix: Matrix) -> tuple[Number, ...]:
    """Sum, mean, product and maximum of all elements."""
    return matrix.sum(), matrix.mean(), matrix.prod(), matrix.max()


def reductions_along_axis(matrix: Matrix) -> tuple[Row, Column]:
    """The sum of every column, and the mean of every row with its axis kept."""
    return matrix.sum(axis=0), matrix.mean(axis=1, keepdims=True)


def largest_and_position(matrix: Matrix) -> tuple[Float[Array, "rows"], Positions]:
    """The largest of every row and where it is."""
    return matrix.max(axis=1), matrix.argmax(axis=1)


def std(matrix: Matrix) -> Number:
    """√(Σ(x - mean)² / d): is d the count n, or n - 1?"""
    return matrix.std()


def std_by_count(matrix: Matrix) -> Number:
    """√(Σ(x - mean)² / n)."""
    return matrix.std(ddof=0)


def median(matrix: Matrix) -> Number:
    """The middle element, where the count is even and there are two."""
    return jnp.median(matrix)


def unique(counts: Counts) -> Int32[Array, "distinct"]:
    """The distinct elements, sorted."""
    return jnp.unique(counts)


def count_true(mask: Mask) -> Int[Array, ""]:
    """True counts as 1."""
    return mask.sum()


def matmul(matrix: Matrix, cube: Cube) -> Float[Array, "batch rows length"]:
    """X Z_b for every matrix Z_b of a batch."""
    return matrix @ cube


def x_transposed_y(matrix: Matrix, other: Matrix) -> Float[Array, "columns columns"]:
    """XᵀY."""
    return matrix.T @ other


def dot(vector: Vector, second: Vector) -> Number:
    """Σ xᵢyᵢ."""
    return jnp.dot(vector, second)


def dot_of_matrices(matrix: Matrix, other: Matrix) -> Float[Array, "rows rows"]:
    """XYᵀ, asked of a function for vectors."""
    return jnp.dot(matrix, other.T)


def singular_values(matrix: Matrix) -> Float[Array, "columns"]:
    """The σ of X = U diag(σ) Vᵀ, largest first."""
    return jnp.linalg.svdvals(matrix)


def svd_shape(matrix: Matrix) -> tuple[int, ...]:
    """Is U square, or has it as many columns as there are singular values?"""
    left, _, _ = jnp.linalg.svd(matrix)
    return tuple(left.shape)


def svd_last_factor(matrix: Matrix) -> Float[Array, "columns columns"]:
    """V or Vᵀ? Without the signs, which are free."""
    _, _, right = jnp.linalg.svd(matrix)
    return jnp.abs(right)


def svd_product(matrix: Matrix) -> Matrix:
    """U diag(σ) Vᵀ of the reduced decomposition, which is X again."""
    left, values, right = jnp.linalg.svd(matrix, full_matrices=False)
    return left * values @ right


def reshape_and_flatten(matrix: Matrix) -> tuple[Float[Array, "2 half"], Elements]:
    """The same elements, row by row, in another shape or in none."""
    return matrix.reshape(2, -1), matrix.flatten()


def flat_view_then_change(matrix: Matrix) -> Matrix:
    """Is a change of the flattened array seen in the one it was made from?"""
    array = matrix.copy()
    flat = array.reshape(-1)
    flat = flat.at[0].set(2.0)
    return array


def flat_view_of_transposed(matrix: Matrix) -> Elements:
    """Transposed, its elements no longer lie in memory row by row."""
    return matrix.T.reshape(-1)


def squeeze_and_unsqueeze(column: Column) -> tuple[Float[Array, "..."], ...]:
    """An axis of length 1 taken away at the end, another put in front."""
    return column.squeeze(-1), jnp.expand_dims(column, 0)


def transpose(cube: Cube) -> tuple[Float[Array, "..."], ...]:
    """The last two axes swapped, and all three in another order."""
    return cube.swapaxes(1, 2), cube.transpose(2, 0, 1)


def stack_and_concatenate(
    matrix: Matrix, other: Matrix
) -> tuple[Float[Array, "..."], ...]:
    """Joined along a new axis, and along one that is there."""
    return jnp.stack((matrix, other), axis=1), jnp.concatenate((matrix, other), axis=1)


def meshgrid(row: Row, vector: Vector) -> list[Grid]:
    """Coordinates of all pairs; the first input runs along the first axis."""
    return jnp.meshgrid(row, vector, indexing="ij")


def meshgrid_by_default(
    row: Row, vector: Vector
) -> list[Float[Array, "length columns"]]:
    """Coordinates of all pairs: which input runs along the first axis?"""
    return jnp.meshgrid(row, vector)


def clone_then_change(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """One element changed in a copy, and the original."""
    return matrix.at[1, 2].set(2.0), matrix


def write_element(matrix: Matrix) -> Matrix:
    """One element written by assignment."""
    array = matrix.copy()
    array[1, 2] = 2.0
    return array


def add_in_place(matrix: Matrix) -> Matrix:
    """Does `+=` under one name change what another name stands for?"""
    array = matrix.copy()
    same = array
    array += 1
    return same


def masked_write(matrix: Matrix, mask: Mask) -> Matrix:
    """Zeros written where the mask is true."""
    return matrix.at[mask].set(0.0)
