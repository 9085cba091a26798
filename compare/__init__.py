"""The harness: feeds both twins the same numbers and judges what comes back."""
