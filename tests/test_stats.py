"""Ratios of times: intervals that cover, verdicts that noise does not make."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from compare import stats
from compare.stats import Estimate

BETWEEN, INSIDE = 0.03, 0.05
"""Standard deviations of log seconds: between processes, and inside one."""
SAMPLES = 20


def inside(rng, shape, kind):
    """Noise of samples inside a process, in log seconds."""
    if kind == "heavy tails":
        return rng.standard_t(3, shape) * INSIDE / math.sqrt(3)
    drawn = rng.standard_normal(shape) * INSIDE
    if kind == "outliers":
        drawn += math.log(1.5) * (rng.random(shape) < 0.05)
    return drawn


def workers(rng, *shape, kind="normal", samples=SAMPLES):
    """Log seconds of (…, blocks) processes: the true log seconds of the mode are 0."""
    shifts = rng.standard_normal((*shape, 1)) * BETWEEN
    return shifts + inside(rng, (*shape, samples), kind)


def seconds(rng, blocks, *, slower=1.0, **options):
    """The samples of one mode, as a worker sends them."""
    return (slower * np.exp(workers(rng, blocks, **options))).tolist()


def logs_of_ratios(rng, runs, blocks, kind):
    """Of many experiments: the log of the ratio of two modes that are the same."""
    medians = np.median(workers(rng, 2, runs, blocks, kind=kind), axis=-1)
    return medians[0] - medians[1]


# ------------------------------------------------------------------------- coverage


@pytest.mark.parametrize("kind", ["normal", "heavy tails", "outliers"])
@pytest.mark.parametrize("blocks", [3, 5, 8])
def test_a_95_percent_interval_holds_the_truth_in_95_percent(blocks, kind):
    logs = logs_of_ratios(np.random.default_rng(blocks), 5_000, blocks, kind)
    mean, error = stats.mean_and_error(logs)
    covered = np.mean(np.abs(mean) <= stats.reach(blocks, 0.95) * error)
    # 3 standard deviations of the share in 5,000 are 0.9 %: 92 % would be found out.
    assert 0.94 < covered < 0.96


@pytest.mark.parametrize("noise", [(0.03, 0.03), (0.02, 0.06), (0.10, 0.03)])
@pytest.mark.parametrize("blocks", [3, 5])
def test_an_unpaired_interval_holds_the_truth(blocks, noise):
    """With unequal variances too, where pooling them would cover too little."""
    rng = np.random.default_rng(blocks)
    covered = 0
    for _ in range(2_000):
        subject, reference = (
            (factor * np.exp(spread * rng.standard_normal((blocks, 1)))).tolist()
            for factor, spread in zip((1.2, 1.0), noise, strict=True)
        )
        low, high = stats.unpaired(subject, reference).interval()
        covered += low <= 1.2 <= high
    # 3 standard deviations of a share of 95 % in 2,000 are 1.5 %; Welch's interval of
    # three blocks is known to be a little too wide where the variances are equal.
    assert 0.935 < covered / 2_000 < 0.98


def test_a_bootstrap_of_three_blocks_covers_too_little():
    """Why there is none: blocks are drawn again, then the samples inside them."""
    rng, blocks, again, covered = np.random.default_rng(0), 3, 300, 0
    for _ in range(300):
        both = workers(rng, 2, blocks)
        block = rng.integers(blocks, size=(again, blocks, 1))
        means = [
            np.median(side[block, rng.integers(SAMPLES, size=(again, blocks, SAMPLES))],
                      axis=-1).mean(axis=-1)
            for side in both
        ]  # fmt: skip
        low, high = np.quantile(means[0] - means[1], [0.025, 0.975])
        covered += low <= 0 <= high
    # 4 standard deviations of a share of 95 % in 300 are 5 %.
    assert covered / 300 < 0.90


def test_the_width_that_the_docstring_promises():
    """Half of the 95 % interval, in log seconds, on average."""
    for blocks, expected in ((3, 0.10), (5, 0.055), (10, 0.032)):
        logs = logs_of_ratios(np.random.default_rng(1), 5_000, blocks, "normal")
        _, error = stats.mean_and_error(logs)
        width = np.mean(error) * stats.reach(blocks, 0.95)
        assert width == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("blocks", "level", "expected"),
    [(2, 0.95, 12.706), (3, 0.95, 4.303), (5, 0.95, 2.776), (5, 0.90, 2.132)],
)
def test_students_quantiles(blocks, level, expected):
    """Of the table in any textbook (Student, Biometrika 6, 1908, extended)."""
    assert stats.reach(blocks, level) == pytest.approx(expected, abs=5e-4)


# --------------------------------------------------------- a mode against itself


def verdict(rng, blocks, kind, *, slower=1.0):
    """Through everything: a control from its own processes, then the comparison."""
    control, subject, reference = (
        seconds(rng, count, slower=factor, kind=kind)
        for count, factor in ((2 * blocks, 1.0), (blocks, slower), (blocks, 1.0))
    )
    band = stats.noise_band(stats.paired(control[::2], control[1::2]))
    return stats.decide(stats.paired(subject, reference), band=band)


@pytest.mark.parametrize("kind", ["normal", "outliers"])
@pytest.mark.parametrize("blocks", [3, 5])
def test_a_mode_is_neither_faster_nor_slower_than_itself(blocks, kind):
    rng = np.random.default_rng(blocks)
    found = [verdict(rng, blocks, kind) for _ in range(500)]
    assert not {"FASTER", "SLOWER"} & set(found[:20])
    # An interval alone would be wrong in 5 %; the band is there to make that less.
    assert sum(word in ("FASTER", "SLOWER") for word in found) <= 0.01 * 500


def test_a_slowdown_of_20_percent_is_found():
    rng = np.random.default_rng(0)
    found = [verdict(rng, 5, "outliers", slower=1.2) for _ in range(100)]
    assert found.count("SLOWER") >= 80
    assert set(found) <= {"SLOWER", "UNDECIDED"}
    estimate = stats.paired(
        seconds(rng, 5, slower=1.2, kind="outliers"), seconds(rng, 5, kind="outliers")
    )
    low, high = estimate.interval()
    assert 1.0 < low < 1.2 < high
    assert stats.decide(estimate, band=stats.LEAST_BAND) == "SLOWER"


def test_equal_modes_can_be_called_the_same():
    """With blocks enough: 20 of them narrow the 90 % interval to 2 % either side."""
    rng = np.random.default_rng(0)
    found = [verdict(rng, 20, "normal") for _ in range(50)]
    assert found.count("SAME") >= 45


# -------------------------------------------------------------------- by hand


def test_a_ratio_by_hand():
    """Medians 2, 8 and 1, 2: logs of ratios log 2 and log 4, so √8 in the middle."""
    estimate = stats.paired([[1.0, 2.0, 9.0], [8.0]], [[1.0], [1.0, 3.0]])
    assert estimate.ratio == pytest.approx(math.sqrt(8))
    assert estimate.error == pytest.approx(math.log(2) / 2)  # s/√2, s = log 2/√2
    assert estimate.blocks == 2
    factor = math.exp(12.7062 * math.log(2) / 2)
    assert estimate.interval() == pytest.approx(
        (math.sqrt(8) / factor, math.sqrt(8) * factor), rel=1e-3
    )


def test_more_is_slower():
    assert stats.paired([[2.0]], [[1.0]]).ratio == pytest.approx(2)


def test_the_seconds_of_one_mode():
    found = stats.typical([[0.4, 0.1, 0.9], [0.9]])
    assert found.seconds == pytest.approx(0.6)
    assert found.error == pytest.approx(math.log(9 / 4) / 2)
    low, high = found.interval()
    assert low < 0.6 < high
    assert low * high == pytest.approx(0.36)


def test_one_block_has_no_interval():
    for estimate in (stats.paired([[2.0, 3.0]], [[1.0]]), stats.typical([[2.0]])):
        assert estimate.error is None
        assert estimate.blocks == 1
        assert estimate.interval() is None


def test_blocks_that_agree_have_an_interval_without_width():
    assert stats.paired([[3.0]] * 3, [[2.0]] * 3).interval() == pytest.approx(
        (1.5, 1.5)
    )


@pytest.mark.parametrize(("subject", "reference"), [(1, 1), (1, 5), (5, 1)])
def test_one_block_on_either_side_has_no_unpaired_interval(subject, reference):
    found = stats.unpaired([[3.0]] * subject, [[2.0]] * reference)
    assert found.ratio == pytest.approx(1.5)
    assert (found.error, found.blocks, found.interval()) == (None, 1, None)


@pytest.mark.parametrize(
    ("subject", "reference", "degrees"),
    [
        # One side without noise adds no degrees; two sides alike add up.
        ([[1.0], [2.0], [3.0]], [[1.0]] * 9, 2),
        ([[1.0], [2.0], [3.0]], [[10.0], [20.0], [30.0]], 4),
        ([[2.0]] * 3, [[2.0]] * 4, 5),
    ],
)
def test_degrees_of_freedom_by_hand(subject, reference, degrees):
    found = stats.unpaired(subject, reference)
    assert found.degrees == pytest.approx(degrees)
    assert found.blocks == 3


# ------------------------------------------------------------------- properties


SECONDS = st.floats(1e-9, 1e4)
WORKER = st.lists(SECONDS, min_size=1, max_size=6)
PAIRS = st.lists(st.tuples(WORKER, WORKER), min_size=2, max_size=6)


@given(PAIRS)
def test_swapped_modes_have_the_inverted_interval(pairs):
    subject, reference = zip(*pairs, strict=True)
    low, high = stats.paired(subject, reference).interval()
    back = stats.paired(reference, subject).interval()
    assert back == pytest.approx((1 / high, 1 / low))


@given(PAIRS, st.floats(1e-3, 1e3))
def test_the_unit_of_time_is_nothing_to_a_ratio(pairs, unit):
    subject, reference = zip(*pairs, strict=True)
    scaled = [
        [[unit * sample for sample in samples] for samples in mode]
        for mode in (subject, reference)
    ]
    expected = stats.paired(subject, reference).interval()
    assert stats.paired(*scaled).interval() == pytest.approx(expected)


@given(PAIRS, st.randoms())
def test_the_order_of_blocks_and_samples_is_nothing(pairs, random):
    shuffled = [
        tuple(random.sample(mode, len(mode)) for mode in pair)
        for pair in random.sample(pairs, len(pairs))
    ]
    before = stats.paired(*zip(*pairs, strict=True)).interval()
    after = stats.paired(*zip(*shuffled, strict=True)).interval()
    assert after == pytest.approx(before)


MANY = st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=8)


@given(MANY, MANY, st.floats(0.5, 0.99))
def test_an_unpaired_interval_is_that_of_scipy(subject, reference, level):
    """`ttest_ind(equal_var=False)` has the same degrees of freedom and bounds."""
    above, below = np.log(subject), np.log(reference)
    # Where nearly nothing varies, scipy warns that rounding is all it sees.
    assume(min(above.std(), below.std()) > 1e-6)
    expected = ttest_ind(above, below, equal_var=False)
    found = stats.unpaired([[s] for s in subject], [[s] for s in reference])
    assert found.degrees == pytest.approx(expected.df)
    bounds = np.log(found.interval(level))
    assert bounds == pytest.approx(expected.confidence_interval(level), abs=1e-9)


@given(PAIRS)
def test_the_same_blocks_again_narrow_the_interval(pairs):
    subject, reference = zip(*pairs, strict=True)
    once = stats.paired(subject, reference)
    twice = stats.paired(subject * 2, reference * 2)
    assert twice.ratio == pytest.approx(once.ratio)
    assume(once.error > 1e-9)
    assert twice.interval()[1] < once.interval()[1]


@given(PAIRS, st.floats(0.5, 0.9), st.floats(0.91, 0.99))
def test_a_higher_level_is_wider(pairs, lower, higher):
    estimate = stats.paired(*zip(*pairs, strict=True))
    inner, outer = estimate.interval(lower), estimate.interval(higher)
    assert outer[0] <= inner[0] <= estimate.ratio <= inner[1] <= outer[1]


@given(PAIRS, st.floats(0.02, 1.0))
def test_faster_is_slower_seen_from_the_other_side(pairs, band):
    subject, reference = zip(*pairs, strict=True)
    there = stats.decide(stats.paired(subject, reference), band=band)
    back = stats.decide(stats.paired(reference, subject), band=band)
    turned = {"FASTER": "SLOWER", "SLOWER": "FASTER"}
    assert back == turned.get(there, there)


# --------------------------------------------------------------------- verdicts


def reaching(low, high, *, level=0.95, blocks=5):
    """The estimate whose interval at a level has these bounds."""
    half = math.log(high / low) / 2
    return Estimate(math.sqrt(low * high), half / stats.reach(blocks, level), blocks)


WIDE = math.log(1.1)
A_BIT = 1e-9


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1.3, 1.5, "SLOWER"),
        (1.1 + A_BIT, 1.5, "SLOWER"),
        (1.1 - A_BIT, 1.5, "UNDECIDED"),
        (0.5, 0.6, "FASTER"),
        (0.5, 1 / 1.1 - A_BIT, "FASTER"),
        (0.5, 1 / 1.1 + A_BIT, "UNDECIDED"),
        (0.5, 2.0, "UNDECIDED"),
        (1.0, 1.0, "SAME"),
    ],
)
def test_faster_and_slower_are_read_from_the_95_percent_interval(low, high, expected):
    assert stats.decide(reaching(low, high), band=WIDE) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1 / 1.05 + A_BIT, 1.05 - A_BIT, "SAME"),
        (1 / 1.05 - A_BIT, 1.04, "UNDECIDED"),
        (0.96, 1.05 + A_BIT, "UNDECIDED"),
        # Clearly above 2 % and clearly below 5 %: both hold, and the same is said.
        (1.03, 1.04, "SAME"),
        (0.96, 0.97, "SAME"),
        (1.04, 1.06, "SLOWER"),
    ],
)
def test_the_same_is_read_from_the_90_percent_interval(low, high, expected):
    estimate = reaching(low, high, level=0.90)
    assert stats.decide(estimate, band=stats.LEAST_BAND) == expected


@pytest.mark.parametrize("ratio", [0.1, 1.0, 10.0])
def test_one_block_decides_nothing(ratio):
    assert stats.decide(Estimate(ratio, None, 1), band=WIDE) == "UNDECIDED"


@pytest.mark.parametrize("bounds", [(1.0, 1.0), (4.0, 5.0), (0.1, 0.2)])
def test_without_a_control_nothing_is_decided(bounds):
    band = stats.noise_band(None)
    assert stats.decide(reaching(*bounds), band=band) == "UNDECIDED"


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        (None, math.inf),
        (Estimate(1.0, None, 1), math.inf),
        (reaching(1.0, 1.0), math.log(1.02)),
        (reaching(0.99, 1.019), math.log(1.02)),
        (reaching(0.99, 1.03), math.log(1.03)),
        (reaching(1 / 1.06, 1.03), math.log(1.06)),
        # A mode that is clearly not as fast as itself: the far bound counts.
        (reaching(1.1, 1.2), math.log(1.2)),
    ],
)
def test_the_band_is_the_reach_of_the_control(control, expected):
    assert stats.noise_band(control) == pytest.approx(expected)


# -------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("subject", "reference", "message"),
    [
        ([], [], "subject: expected at least one block"),
        ([[1.0]], [], "reference: expected at least one block"),
        ([[1.0], [1.0]], [[1.0]], "reference: expected 2 blocks, .* got 1"),
        ([[1.0], []], [[1.0], [1.0]], "subject: .* got none in block 1"),
        ([[1.0]], [[1.0, 0.0]], r"reference: .* got 0\.0 in block 0"),
        ([[1.0], [-2.0]], [[1.0], [1.0]], r"subject: .* got -2\.0 in block 1"),
        ([[math.nan]], [[1.0]], "subject: .* got nan"),
        ([[1.0]], [[math.inf]], "reference: .* got inf"),
    ],
)
def test_samples_that_are_none(subject, reference, message):
    with pytest.raises(ValueError, match=message):
        stats.paired(subject, reference)


def test_one_modes_samples_are_looked_at_too():
    with pytest.raises(ValueError, match=r"blocks: .* got none in block 0"):
        stats.typical([[]])


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_is_a_probability(level):
    with pytest.raises(ValueError, match=f"level: .* got {level}"):
        stats.paired([[1.0]] * 2, [[1.0]] * 2).interval(level)
