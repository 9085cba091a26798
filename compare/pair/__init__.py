"""A user's own pair of models: where they differ, and why."""
