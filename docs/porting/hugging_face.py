"""PyTorch's models of Hugging Face's transformers 4 against its Flax ports.

    pip install "transformers<5"
    python docs/porting/hugging_face.py [NAME ...]

Small models of the real classes, in eval mode; weights are mapped without a `rename`.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import jax.numpy as jnp
import numpy as np

from compare import compare_pair

SIZES = {
    "vocab_size": 99,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 36,
    "max_position_embeddings": 20,
    "use_cache": False,  # a cache is no array
}
GPT = {"n_embd": 24, "n_layer": 2, "n_head": 4, "n_positions": 20}
LLAMA = {"num_key_value_heads": 2}
BART = {
    "d_model": 24,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 36,
    "decoder_ffn_dim": 36,
}
NEO = {
    "num_layers": 2,
    "num_heads": 4,
    "attention_types": [[["global", "local"], 1]],
    "window_size": 4,
}
DISTIL = {"dim": 24, "n_layers": 2, "n_heads": 4, "hidden_dim": 36}
RESNET = {
    "embedding_size": 8,
    "hidden_sizes": [8, 12],
    "depths": [1, 1],
    "layer_type": "basic",
}

RNG = np.random.default_rng(0)
IDS = RNG.integers(3, 99, (3, 9))
WORDS = {
    "input_ids": IDS,
    "attention_mask": (np.arange(9) < np.array([[9], [6], [4]])).astype("int32"),
}
PICTURES = {"pixel_values": RNG.standard_normal((3, 3, 16, 16))}


@dataclass(frozen=True)
class Case:
    """A model's name in transformers, its sizes, what it gets."""

    name: str
    sizes: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, np.ndarray] = field(default_factory=lambda: WORDS)
    build: dict[str, Any] = field(default_factory=dict)


def pictures(name: str, **sizes: Any) -> Case:
    """A model of pictures, which Flax must be told the shape of."""
    return Case(name, sizes, PICTURES, {"input_shape": (1, 16, 16, 3)})


CASES = (
    Case("Bert"),
    Case("Roberta", {"pad_token_id": 1}),
    Case("Albert", {"embedding_size": 16}),
    Case("Electra", {"embedding_size": 16}),
    Case("DistilBert", DISTIL),
    Case("GPT2", GPT),
    Case("GPTJ", GPT | {"rotary_dim": 4}),
    Case("GPTNeo", NEO),
    Case("Bloom", {"n_layer": 2, "n_head": 4}),
    Case("OPT", {"ffn_dim": 36, "word_embed_proj_dim": 24}),
    Case("Llama", LLAMA),
    Case("Mistral", LLAMA),
    Case("Gemma", LLAMA | {"head_dim": 6}),
    Case("Bart", BART, WORDS | {"decoder_input_ids": IDS[:, :8]}),
    pictures("ViT", image_size=16, patch_size=4),
    pictures("ResNet", **RESNET),
)


def port(model: Any) -> Callable[..., Any]:
    """Flax's model as a function of its parameters."""
    return lambda params, **inputs: model(**inputs, params=params)


def main(names: list[str]) -> None:
    """Compare, and print what each comes to."""
    transformers = import_module("transformers")
    for case in CASES:
        if names and case.name not in names:
            continue
        config = getattr(transformers, f"{case.name}Config")(**SIZES | case.sizes)
        torch_model = getattr(transformers, f"{case.name}Model")(config)
        # Without a dtype they compute in float32, in the float64 run too.
        build = getattr(transformers, f"Flax{case.name}Model")
        flax_model = build(config, seed=0, dtype=jnp.float64, **case.build)
        jax_model = (port(flax_model), flax_model.params)
        report = compare_pair(torch_model, jax_model, case.inputs, name=case.name)
        print("\n".join(str(report).splitlines()[:3]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
