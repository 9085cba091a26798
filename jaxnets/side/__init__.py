"""What a pair of models needs of JAX: the same verbs as `torchnets/side`."""
