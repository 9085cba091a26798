"""All faults that are planted in the pairs that come with the package."""

from compare.pair.planted import attention, conv, optimizer, plain, recurrent
from compare.pair.planted.fault import PairFault

FAULTS: tuple[PairFault, ...] = (
    *plain.FAULTS,
    *optimizer.FAULTS,
    *conv.FAULTS,
    *recurrent.FAULTS,
    *attention.FAULTS,
)
