"""The harness: feeds both twins the same numbers and judges what comes back.

For the tests of others: `assert_equivalent` and `compare_pair`, for a user's own pair
of models; `assert_not_slower`, `assert_speedup` and `Undecided`, for its speed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compare.pair.entry import assert_equivalent, compare_pair
    from compare.speed import Undecided, assert_not_slower, assert_speedup

__all__ = [
    "Undecided",
    "assert_equivalent",
    "assert_not_slower",
    "assert_speedup",
    "compare_pair",
]
_PAIR = ("assert_equivalent", "compare_pair")


def __getattr__(name: str) -> Any:
    """Imported when asked for, so that nothing else waits for it (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "compare.pair.entry" if name in _PAIR else "compare.speed"
    return getattr(import_module(module), name)
