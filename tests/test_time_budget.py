"""What a budget's rest is spent on, with made-up workers, and how long it will be."""

import pytest
from made_up_times import sampled
from made_up_workers import AGAIN, BOTH, EAGER, JIT, ORDER, TUNED, steady

from compare.pool import Crashed
from compare.time_run import Plan
from compare.timing import Cell, Sampled

pytest_plugins = ("timed",)

# -------------------------------------------------------------------- the budget's rest


def noisy_tuned(at: Cell, block: int) -> Sampled:
    """Tuned takes 0.9 to 1.35 of eager's time; jit is clearly twice as fast."""
    wide = (0.9, 1.35, 0.95, 1.3)[block % 4]
    return sampled({JIT: 0.5, TUNED: wide}.get(at, 1.0 + 1e-3 * (block % 2)))


def test_the_rest_goes_to_the_widest_undecided_pair(time_it):
    """8 s for the blocks, and then 2 s for every pair of workers."""
    plan = Plan(BOTH, blocks=2, budget=15.0)
    timed, made = time_it(plan, measures=noisy_tuned)
    extra = made.asked[8:]
    assert len(extra) == 6
    assert {frozenset(extra[n : n + 2]) for n in (0, 2, 4)} == {
        frozenset((EAGER, TUNED))
    }
    assert extra[0] != extra[2]  # there and back
    assert extra[0] == extra[4]
    assert list(timed.blocks[TUNED]) == list(timed.blocks[EAGER]) == [0, 1, 2, 3, 4]
    assert list(timed.blocks[JIT]) == [0, 1]


def test_undecided_comes_before_wide(time_it):
    """Jit has the wider interval, far from 1; tuned is near the limit, and known well.

    5 blocks: 1.46 ± 10 % is clearly slower, 1.04 ± 4 % neither the same nor slower.
    """
    wide, near = (1.3, 1.5, 1.4, 1.6, 1.5), (1.0, 1.08, 1.04, 1.07, 1.02)

    def measures(at, block):
        return sampled({JIT: wide, TUNED: near}.get(at, (1.0,) * 5)[block % 5])

    _, made = time_it(Plan(BOTH, blocks=5, budget=22.5), measures=measures)
    assert set(made.asked[20:]) == {EAGER, TUNED}


def test_where_all_is_decided_the_widest_gets_the_rest(time_it):
    def measures(at, block):
        return sampled({JIT: 0.5 + 0.02 * (block % 2), TUNED: 3.0}.get(at, 1.0))

    _, made = time_it(Plan(BOTH, blocks=4, budget=19.0), measures=measures)
    assert JIT in made.asked[16:18]


@pytest.mark.parametrize(("budget", "extra"), [(0.0, 0), (8.0, 0), (9.9, 0), (10.0, 2)])
def test_no_block_begins_that_would_not_fit(time_it, budget, extra):
    _, made = time_it(Plan(BOTH, blocks=2, budget=budget), measures=noisy_tuned)
    assert len(made.asked) == 8 + extra
    assert made.now - 50.0 <= max(8.0, budget)


def test_a_pair_that_does_not_fit_gives_way_to_one_that_does(time_it):
    """Tuned is the widest, but takes 9 s; 3 s are left."""
    took = {EAGER: 1.0, TUNED: 9.0, JIT: 1.0, AGAIN: 1.0}
    plan = Plan(BOTH, blocks=2, budget=27.0)
    _, made = time_it(plan, measures=noisy_tuned, took=took)
    assert made.asked[8:]
    assert TUNED not in made.asked[8:]
    assert made.now - 50.0 <= 27.0


def test_a_mode_that_is_lost_in_the_rest_gets_no_more(time_it):
    def measures(at, block):
        if at == TUNED and block == 2:
            raise Crashed("died")
        return noisy_tuned(at, block)

    timed, made = time_it(Plan(BOTH, blocks=2, budget=20.0), measures=measures)
    assert made.asked.count(TUNED) == 3
    assert timed.lost == {TUNED: ("failed", "died")}
    assert made.now - 50.0 <= 20.0


def test_one_block_leaves_nothing_to_weigh(time_it):
    """No interval, so none is the widest."""
    _, made = time_it(Plan(BOTH, blocks=1, budget=100.0))
    assert made.asked == ORDER


# ------------------------------------------------------------------ how long it will be


def test_what_is_left_goes_down_to_nothing(time_it):
    took = {EAGER: 1.0, TUNED: 2.0, JIT: 3.0, AGAIN: 4.0}
    _, made = time_it(Plan(BOTH, blocks=2), took=took)
    assert [at for at, _, _ in made.told] == made.asked
    assert [so_far for _, so_far, _ in made.told] == [1, 3, 6, 10, 14, 17, 19, 20]
    # At first by `expected`, 5 s each; in the second block by what they have taken.
    assert [left for *_, left in made.told][3:] == [10, 6, 3, 1, 0]
    assert made.told[0][2] == (5 + 5 + 5) + (1 + 5 + 5 + 5)


def test_what_is_lost_takes_no_more_time(time_it):
    def measures(at, block):
        if at == TUNED:
            raise Crashed("died")
        return steady(at, block)

    _, made = time_it(Plan(BOTH, blocks=2), measures=measures)
    assert [left for *_, left in made.told][3:] == [3, 2, 1, 1, 0]


def test_the_budget_is_what_is_left_at_least(time_it):
    plan = Plan(BOTH, blocks=2, budget=15.0)
    _, made = time_it(plan, measures=noisy_tuned)
    lefts = [left for *_, left in made.told]
    assert all(so_far + left >= 15.0 for _, so_far, left in made.told[:8])
    assert lefts[8:] == [6, 5, 4, 3, 2, 1]
