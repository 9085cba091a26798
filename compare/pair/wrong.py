"""What a user can get wrong, and what a user's model can raise."""

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LIBRARY = re.compile(
    r"^<|[/\\](torch|jax|jaxlib|flax|optax|numpy|jaxtyping|beartype|contextlib\.py)\b"
    r"|[/\\](jaxnets|torchnets)[/\\]side[/\\]|[/\\]compare[/\\]"
)
"""Files of frameworks, and ours."""


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
        raise Raised(f"{side} raised in {doing}: {told}{place(error)}") from error


def place(error: BaseException) -> str:
    """The user's line that an error came from, as " (file.py:12, in f)", if any."""
    lines = traceback.extract_tb(error.__traceback__)
    own = [line for line in lines if not _LIBRARY.search(line.filename)]
    if not own:
        return ""
    last = own[-1]
    return f" ({Path(last.filename).name}:{last.lineno}, in {last.name})"
