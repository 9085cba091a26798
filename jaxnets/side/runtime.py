"""A user's model in JAX: the same verbs as `torchnets/side/runtime.py`."""

import jax

from jaxnets.side.calls import forced as forced
from jaxnets.side.calls import record as record
from jaxnets.side.constants import is_short as is_short
from jaxnets.side.evaluate import evaluate as evaluate
from jaxnets.side.meet import meet as meet
from jaxnets.side.optimizer import advance as advance
from jaxnets.side.optimizer import begin as begin
from jaxnets.side.optimizer import moved as moved
from jaxnets.side.optimizer import slots as slots
from jaxnets.side.parts import Pull as Pull
from jaxnets.side.precision import low_precision as low_precision
from jaxnets.side.precision import low_precision_step as low_precision_step
from jaxnets.side.session import session as session
from jaxnets.side.subject import frozen as frozen
from jaxnets.side.subject import leaves as leaves
from jaxnets.side.subject import modal as modal
from jaxnets.side.subject import modules as modules
from jaxnets.side.subject import open_model as open_model
from jaxnets.side.subject import state as state
from jaxnets.side.subject import unreturned as unreturned
from jaxnets.side.subject import with_buffers as with_buffers


def describe() -> dict[str, str]:
    """The version, and where a pair is computed."""
    return {"version": jax.__version__, "device": "cpu"}
