"""The examples in JAX, Flax NNX and Optax."""
