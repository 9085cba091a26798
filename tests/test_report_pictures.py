"""Pictures of a run: what is drawn, from the traces alone, and what cannot be."""

import base64
import re
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.random import RandomState
from support import SPECS, TRAININGS

from compare.predictions import PLANE
from compare.report import layers, png
from compare.report.chart import COLOURS, Chart, Missing, draw
from compare.report.layers import BANDS, GROWING, cells, grid
from compare.report.pictures import figures, true_line
from compare.spec import prepare
from compare.trace import Key, Trace

SIDES = [(f, p) for f in ("jax", "torch") for p in ("float32", "float64")]
PLANE_KEY, LINE_KEY = (Key("predictions", "predict", leaf) for leaf in ("plane", ""))
LINE, MOONS = SPECS["line_linear"], SPECS["moons_mlp"]
RAMP = np.linspace(0, 1, 10_000)


def sides(key: Key, jax: np.ndarray, torch: np.ndarray | None = None, **changes):
    """Traces that hold these predictions."""
    torch = jax if torch is None else torch
    return {
        (side, precision): Trace(
            "made up",
            side,
            precision,
            0,
            "run 1",
            arrays={key: jax if side == "jax" else torch},
            **changes,
        )
        for side, precision in SIDES
    }


def reasons(found) -> list[str]:
    assert all(isinstance(figure, Missing) for figure in found)
    return [figure.why for figure in found]


# --------------------------------------------------------------------------------- PNG


def chunks(data: bytes) -> dict[bytes, bytes]:
    """What a PNG holds, with its check sums checked."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = {}, 8
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        (check,) = struct.unpack(">I", data[at + 8 + size : at + 12 + size])
        assert check == zlib.crc32(kind + body)
        found[kind], at = body, at + 12 + size
    assert kind == b"IEND"
    return found


def decoded(data: bytes) -> np.ndarray:
    """Red, green, blue and opacity of every cell."""
    found = chunks(data)
    width, height, *looks = struct.unpack(">IIBBBBB", found[b"IHDR"])
    assert looks == [8, 3, 0, 0, 0]
    lines = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8)
    lines = lines.reshape(height, 1 + width)
    assert not lines[:, 0].any()
    colours = np.frombuffer(found[b"PLTE"], np.uint8).reshape(-1, 3)
    opacity = np.frombuffer(found[b"tRNS"], np.uint8)
    return np.column_stack([colours, opacity])[lines[:, 1:]]


def rgba(colour: str) -> list[int]:
    return [*bytes.fromhex(colour[1:]), 255]


@given(
    arrays(np.uint8, st.tuples(*[st.integers(1, 9)] * 2), elements=st.integers(0, 3)),
    st.lists(st.integers(0, 2**24 - 1), min_size=3, max_size=3),
)
def test_a_png_is_decoded_to_what_it_was(places, numbers):
    colours = [f"#{number:06x}" for number in numbers]
    due = np.array([*map(rgba, colours), [0, 0, 0, 0]])
    assert np.array_equal(decoded(png.encode(places, colours)), due[places])


def test_an_address_holds_the_picture():
    kind, _, text = png.uri(b"\x00\xff picture").partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(text) == b"\x00\xff picture"


# ----------------------------------------------------------------------------- surface


@pytest.mark.parametrize(
    ("value", "band"),
    [
        (0.0, 0),
        (0.05, 0),
        (np.nextafter(0.5, 0), 4),
        (0.5, 5),
        (1.0, 9),
        (-3.0, 0),
        (7.0, 9),
        (np.nan, 10),
        (np.inf, 10),
        (-np.inf, 10),
    ],
)
def test_half_is_an_edge_and_what_is_not_finite_is_seen_through(value, band):
    assert cells(np.full((2, 2), value), BANDS, top=1.0).tolist() == [[band] * 2] * 2


def test_every_colour_is_one_and_half_parts_their_number():
    assert len(BANDS) % 2 == 0
    assert all(re.fullmatch("#[0-9a-f]{6}", c) for c in (*BANDS, *GROWING))
    assert len({*BANDS, *GROWING}) == len(BANDS) + len(GROWING)


@pytest.mark.parametrize("size", [0, 1, 2, 9_999])
def test_what_is_no_square_is_no_grid(size):
    assert grid(np.zeros(size)) is None


def pixels(figure: Chart) -> np.ndarray:
    """The picture in a chart's data, decoded."""
    address = figure.spec["layer"][0]["data"]["values"][0]["url"]
    return decoded(base64.b64decode(address.partition(",")[2]))


def test_a_surface_lies_where_the_grid_was_asked():
    """x grows to the right and y upwards, as `at_plane` has its points."""
    asked = MOONS.prediction_inputs(prepare(MOONS, 0).data)["plane"]["x"]
    right, up = ((column - column.min()) / np.ptp(column) for column in asked.T)
    for values, corners in ((right, [0, 9, 0, 9]), (up, [9, 9, 0, 0])):
        figure, *_ = figures("m", MOONS, sides(PLANE_KEY, values), seed=0)
        seen = pixels(figure)
        assert seen.shape == (100, 100, 4)
        found = [seen[row, column].tolist() for row in (0, -1) for column in (0, -1)]
        assert found == [rgba(BANDS[band]) for band in corners]


def test_the_outer_cells_are_centred_on_the_edges_of_the_plane():
    figure, *_ = figures("m", MOONS, sides(PLANE_KEY, RAMP), seed=0)
    mark, row = (figure.spec["layer"][0][part] for part in ("mark", "data"))
    (left, right), (low, high) = PLANE
    assert mark["width"] * 99 / 100 == pytest.approx(figure.spec["width"])
    assert mark["height"] * 99 / 100 == pytest.approx(figure.spec["height"])
    assert row["values"][0]["x"] == (left + right) / 2
    assert row["values"][0]["y"] == (low + high) / 2


def test_both_surfaces_with_their_points_and_how_far_they_are_apart():
    apart = RAMP + 3e-16 * (RAMP > 0.5)
    found = figures("moons_mlp", MOONS, sides(PLANE_KEY, RAMP, apart), seed=0)
    assert [figure.name for figure in found] == [
        "example-moons-mlp--jax",
        "example-moons-mlp--torch",
        "example-moons-mlp--difference",
    ]
    assert all("data:image/png;base64," in figure.svg for figure in found)
    points = prepare(MOONS, 0).data["y"]
    for figure in found[:2]:
        # Each point is a place of its own in a line that has a rim below it.
        drawn = re.findall(r"M[-0-9.]+,[-0-9.]+Z", figure.svg)
        assert len(drawn) == 2 * len(points)
    assert "in 1e-16" in found[2].svg
    assert "not at all at 5,000 of 10,000 places" in found[2].describes


def test_the_largest_difference_has_the_last_colour_and_none_the_first():
    torch = RAMP.copy()
    torch[[0, 99]] += [2e-9, 1.1e-9]
    *_, figure = figures("m", MOONS, sides(PLANE_KEY, RAMP, torch), seed=0)
    seen = pixels(figure)
    assert seen[-1, 0].tolist() == rgba(GROWING[-1])
    assert seen[-1, -1].tolist() == rgba(GROWING[3])  # 0.55 of six bands
    assert seen[0, 0].tolist() == rgba(GROWING[0])
    assert "in 1e-9" in figure.svg


# -------------------------------------------------------------------------------- line


def test_a_line_with_its_points_both_fits_and_the_truth():
    data = prepare(LINE, 0).data
    jax = data["x"] + 1.0
    (figure,) = figures("line", LINE, sides(LINE_KEY, jax, jax + 1), seed=0)
    points, *lines = figure.spec["layer"]
    rows = points["data"]["values"]
    assert rows[0]["x"] == pytest.approx(
        data["x"][0, 0], rel=1e-3
    )  # rounded for the page
    assert rows[0]["y"] == pytest.approx(data["y"][0, 0], rel=1e-3)
    assert [row["y"] for row in rows[1::2]] == [None] * 100
    fitted = {
        line["data"]["values"][0]["line"]: line["data"]["values"] for line in lines
    }
    assert list(fitted) == ["JAX", "PyTorch", "true line"]
    first = fitted["JAX"][0]
    assert first["x"] == pytest.approx(data["x"].min(), rel=1e-3)
    assert first["y"] == pytest.approx(data["x"].min() + 1, rel=1e-3)
    dashes = lines[0]["encoding"]["strokeDash"]["scale"]
    assert dashes["domain"] == list(fitted)
    assert dashes["range"][0] == [1, 0]
    assert all(gap for _, gap in dashes["range"][1:])
    for colour in COLOURS.values():
        assert colour in figure.svg


@pytest.mark.parametrize("name", [n for n in TRAININGS if SPECS[n].picture == "line"])
def test_the_true_line_is_what_the_noise_was_added_to(name):
    """As `compare.data.line` draws them: y − truth is 0.01 ε to the last digits."""
    data = prepare(SPECS[name], 0).data
    legacy = RandomState(1234)
    legacy.uniform(size=(100, 1))
    noise = 0.01 * legacy.randn(100, 1)
    truth = true_line(SPECS[name], data)
    # Both sides are off by a few roundings of numbers below 1, each at most 2⁻⁵⁴.
    assert np.allclose(data["y"][:, 0] - truth, noise[:, 0], rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    "truth", [None, lambda data: {}, lambda data: {"w": np.ones((3, 1))}]
)
def test_without_two_true_numbers_there_is_no_true_line(truth):
    spec, data = replace(LINE, truth=truth), prepare(LINE, 0).data
    assert true_line(spec, data) is None
    (figure,) = figures("line", spec, sides(LINE_KEY, data["x"]), seed=0)
    assert len(figure.spec["layer"]) == 3


# --------------------------------------------------------------- what cannot be drawn


def test_what_has_no_picture_has_none():
    assert figures("two_layer_adam", SPECS["two_layer_adam"], {}, seed=0) == []


def test_predictions_of_an_earlier_version_are_told_from_whole_ones():
    kept = np.linspace(0, 1, 256)
    thinned = sides(
        PLANE_KEY,
        kept,
        places={PLANE_KEY: np.arange(256)},
        shapes={PLANE_KEY: (10_000,)},
    )
    for why in reasons(figures("m", MOONS, thinned, seed=0)):
        assert "keep 256 of 10,000 predictions" in why
        assert "run the example again" in why


def test_one_side_alone_is_drawn_and_the_other_is_missing():
    both = sides(PLANE_KEY, RAMP)
    only = {key: trace for key, trace in both.items() if key[0] == "jax"}
    jax, *rest = figures("m", MOONS, only, seed=0)
    assert isinstance(jax, Chart)
    assert reasons(rest) == ["there is no float64 trace of PyTorch"] * 2


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.full(10_000, np.nan), "no prediction is finite"),
        (np.zeros(9_999), "9,999 predictions are no grid"),
        (np.zeros(0), "the predictions are float64 of shape (0,)"),
        (np.array(["a"] * 10_000), "the predictions are <U1"),
    ],
)
def test_predictions_that_cannot_be_drawn_say_why(values, says):
    for why in reasons(figures("m", MOONS, sides(PLANE_KEY, values), seed=0)):
        assert says in why


def test_a_line_of_too_few_points_says_how_many():
    (why,) = reasons(figures("l", LINE, sides(LINE_KEY, np.zeros(7)), seed=0))
    assert why == "expected 100 predictions, one a point, got 7"
    (why,) = reasons(figures("l", LINE, sides(PLANE_KEY, RAMP), seed=0))
    assert why == "the float64 trace of JAX has no predictions"


def test_the_same_bits_have_no_difference_to_draw():
    *_, missing = figures("m", MOONS, sides(PLANE_KEY, RAMP), seed=0)
    assert reasons([missing]) == ["there is no difference at any of 10,000 places"]


def test_different_grids_have_no_difference():
    other = sides(PLANE_KEY, RAMP, np.zeros(400))
    *_, missing = figures("m", MOONS, other, seed=0)
    assert reasons([missing]) == ["JAX has 10,000 predictions, PyTorch 400"]


odd = st.sampled_from([0.0, 1.0, 0.5, np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324])


@settings(max_examples=8, deadline=None)
@given(jax=arrays("f8", 9, elements=odd), torch=arrays("f8", 9, elements=odd))
def test_no_number_is_an_error(jax, torch):
    for figure in figures("<b>", MOONS, sides(PLANE_KEY, jax, torch), seed=0):
        assert isinstance(figure, Chart | Missing)
        if isinstance(figure, Missing):
            assert "finite" in figure.why or "no difference" in figure.why
    ends = np.r_[jax, np.zeros(82), torch]
    (line,) = figures("<b>", LINE, sides(LINE_KEY, ends), seed=0)
    assert isinstance(line, Chart)
    lost = int((~np.isfinite(ends)).sum())
    assert (f"{2 * lost} numbers that are not finite" in line.describes) == bool(lost)


def test_pictures_are_small_and_narrow():
    """Noise is what a PNG can compress least."""
    rng = np.random.default_rng(0)
    noise = sides(PLANE_KEY, rng.uniform(size=10_000), rng.uniform(size=10_000))
    line = sides(LINE_KEY, rng.uniform(size=100))
    found = [
        *figures("m", MOONS, noise, seed=0),
        *figures("l", LINE, line, seed=0),
    ]
    for figure in found:
        width = re.search(r'width="(\d+)"', figure.svg)
        assert width and int(width[1]) <= 420
        assert len(figure.svg) < 25_000


def test_points_of_one_place_are_all_drawn():
    """A line is sorted by x; where x is the same, each keeps the gap behind it."""
    x, y = np.zeros(5), np.arange(5.0)
    made = layers.dots(x, y, cap="round", rims={"#000000": 4.0})
    svg = draw(made, "dots", title="", describes="").svg
    assert len(re.findall(r"M[-0-9.]+,[-0-9.]+Z", svg)) == 5
