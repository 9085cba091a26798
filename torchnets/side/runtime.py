"""What a pair needs from PyTorch: the same verbs as `jaxnets/side/runtime.py`."""

import torch

from torchnets.side.constants import is_short as is_short
from torchnets.side.evaluate import evaluate as evaluate
from torchnets.side.evaluate import watched as watched
from torchnets.side.optimizer import advance as advance
from torchnets.side.optimizer import begin as begin
from torchnets.side.optimizer import moved as moved
from torchnets.side.optimizer import slots as slots
from torchnets.side.parts import Pull as Pull
from torchnets.side.precision import low_precision as low_precision
from torchnets.side.precision import low_precision_step as low_precision_step
from torchnets.side.record import forced as forced
from torchnets.side.record import record as record
from torchnets.side.running import modal as modal
from torchnets.side.session import session as session
from torchnets.side.subject import frozen as frozen
from torchnets.side.subject import leaves as leaves
from torchnets.side.subject import meet as meet
from torchnets.side.subject import modules as modules
from torchnets.side.subject import open_model as open_model
from torchnets.side.subject import state as state
from torchnets.side.subject import unreturned as unreturned
from torchnets.side.subject import with_buffers as with_buffers


def describe() -> dict[str, str]:
    """The version, and where the copies compute."""
    return {"version": str(torch.__version__), "device": "cpu"}
