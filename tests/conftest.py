"""What all tests share: Hypothesis draws the same examples on every machine."""

from hypothesis import settings

settings.register_profile(
    "repeatable", deadline=None, derandomize=True, max_examples=50
)
settings.load_profile("repeatable")
