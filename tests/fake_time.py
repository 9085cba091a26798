"""A clock that only the callables turn, and what comes of an assertion on it."""

import math

import numpy as np

from compare.speed import Undecided


class World:
    """A clock, and callables that turn it by what they take, with noise."""

    def __init__(self, seed=0, *, noise=0.05, drift=0.0):
        self.now, self.calls = 1000.0, []
        self._rng = np.random.default_rng(seed)
        self._noise, self._drift = noise, drift

    def __call__(self) -> float:
        return self.now

    def takes(self, seconds, *, name="", first=()):
        """A callable; `first` is what its first calls take."""
        early = list(first)

        def call():
            self.calls.append(name)
            noise = self._noise * self._rng.standard_normal()
            drift = 1 + self._drift * (self.now - 1000)
            self.now += early.pop(0) if early else seconds * math.exp(noise) * drift

        return call


def told(assertion, *callables, **options) -> tuple[str, str]:
    """What came out and what was said; `Undecided` itself would skip the test here."""
    try:
        assertion(*callables, **options)
    except Undecided as undecided:
        return "undecided", str(undecided)
    except AssertionError as error:
        return "failed", str(error)
    return "passed", ""


def outcome(assertion, *callables, **options) -> str:
    return told(assertion, *callables, **options)[0]
