"""The harness: feeds both twins the same numbers and judges what comes back.

For the tests of others: `assert_not_slower`, `assert_speedup` and `Undecided`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compare.speed import Undecided, assert_not_slower, assert_speedup

__all__ = ["Undecided", "assert_not_slower", "assert_speedup"]


def __getattr__(name: str) -> Any:
    """Imported when asked for, so that nothing else waits for it (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from compare import speed

    return getattr(speed, name)
