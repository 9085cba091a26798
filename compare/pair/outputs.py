"""Which output of one model is which of the other's."""

from collections.abc import Mapping

import numpy as np

from compare.pair.wrong import Wrong


def paired(
    torch: Mapping[str, np.ndarray], jax: Mapping[str, np.ndarray]
) -> dict[str, str]:
    """JAX's names to PyTorch's: by name, or where one side has none, by position.

    Raises `Wrong` naming every output that has no partner.
    """
    if not torch or not jax:
        raise Wrong(
            f"outputs: PyTorch's model returns {_told(torch)}, JAX's {_told(jax)}; "
            "expected arrays from both"
        )
    if set(torch) == set(jax):
        return {name: name for name in jax}
    if len(torch) == len(jax) and (_positions(torch) or _positions(jax)):
        return dict(zip(jax, torch, strict=True))
    lone = [
        f"PyTorch's {n or 'only one'} {torch[n].shape}" for n in torch if n not in jax
    ]
    lone += [f"JAX's {n or 'only one'} {jax[n].shape}" for n in jax if n not in torch]
    raise Wrong(
        f"outputs without a partner: {'; '.join(lone)}. Let both models return the "
        "same names, or wrap one in a function that returns what is to be compared"
    )


def _positions(names: Mapping[str, np.ndarray]) -> bool:
    return all(part.isdigit() for name in names for part in name.split(".") if part)


def _told(names: Mapping[str, np.ndarray]) -> str:
    return ", ".join(map(repr, names)) if names else "no arrays"
