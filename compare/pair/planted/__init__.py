"""Our own pairs, the faults that are planted in them, and what others' checks catch."""
