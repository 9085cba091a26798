"""What a user can get wrong, and what a user's model can raise."""

from collections.abc import Iterator
from contextlib import contextmanager


class Wrong(ValueError):
    """A pair that cannot be compared, with what was expected, what came, what to do."""


class Raised(RuntimeError):
    """A user's model, loss or optimizer raised: which side, where, and what."""


@contextmanager
def of(side: str, doing: str) -> Iterator[None]:
    """Say which side raised while doing what."""
    try:
        yield
    except (Wrong, Raised):
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {error}".strip()
        raise Raised(f"{side} raised in {doing}: {told}") from error
