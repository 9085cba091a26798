"""All faults that are planted in the pairs that come with the package."""

from compare.pair import (
    faults_attention,
    faults_conv,
    faults_optimizer,
    faults_plain,
    faults_recurrent,
)
from compare.pair.fault import PairFault

FAULTS: tuple[PairFault, ...] = (
    *faults_plain.FAULTS,
    *faults_optimizer.FAULTS,
    *faults_conv.FAULTS,
    *faults_recurrent.FAULTS,
    *faults_attention.FAULTS,
)
