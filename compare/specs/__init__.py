"""One file per example: `SPEC`, with its NumPy oracle where there is one."""
