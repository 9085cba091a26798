"""Paths as tokens that both conventions share, and a user's renames.

`model.encoder.layers.0.self_attn.q_proj` and `encoder/layers_0/attention/query` are
both ("encoder", 0, "attention", "query"). Names that Linen makes of a type (`Dense_3`)
begin with "@": they tell the order, and no more.
"""

import re
from collections.abc import Sequence

Token = str | int
Tokens = tuple[Token, ...]

WRAPPERS = frozenset({"model", "module", "_orig_mod", "params", "batch_stats"})
"""Leading parts that frameworks and their wrappers add."""
_SYNONYMS = {
    "attention": "attention attn self_attn self_attention mha multi_head_attention",
    "cross_attention": "cross_attention cross_attn encoder_attn multihead_attn",
    "query": "query q q_proj query_proj wq to_q q_lin linear_q",
    "key": "key k k_proj key_proj wk to_k k_lin linear_k",
    "value": "value v v_proj value_proj wv to_v v_lin linear_v",
    "qkv": "qkv qkv_proj in_proj c_attn to_qkv wqkv w_qkv query_key_value",
    "out": "out out_proj o o_proj output_proj wo to_out out_lin linear_out",
    "norm": "norm ln layernorm layer_norm bn batchnorm batch_norm",
    "embedding": "embedding embed emb embeddings",
    "mlp": "mlp ffn ff feed_forward feedforward",
    "reverse": "backward backward_rnn reverse bwd",
}
PARTS = {
    variant: name
    for name, variants in _SYNONYMS.items()
    for variant in variants.split()
}
_SILENT = frozenset({"~", "", "cell", "forward", "forward_rnn", "fwd"})
_OF_TYPE = re.compile(r"([A-Z][A-Za-z0-9]*)_(\d+)")
_NUMBERED = re.compile(r"(.*?[^\d_])_*(\d+)")
ROLES = {
    "weight": "weight kernel scale embedding gamma w",
    "bias": "bias b beta offset",
    "mean": "running_mean mean",
    "variance": "running_var var variance running_variance",
}
_ROLE = {
    variant: role for role, variants in ROLES.items() for variant in variants.split()
}


def role(name: str) -> str:
    """What a leaf is in its layer: "weight", "bias", …; else its own name."""
    return _ROLE.get(name, _ROLE.get(name.lower(), name))


def tokens(path: str) -> Tokens:
    """The path in the words of both conventions."""
    parts = [part for part in re.split(r"[./]", path) if part not in ("", "~")]
    while len(parts) > 1 and parts[0] in WRAPPERS:
        parts = parts[1:]
    found: list[Token] = []
    for part in parts:
        found += _part(part)
    return tuple(
        token
        for i, token in enumerate(found)
        if not (token == "layer" and isinstance((*found, "")[i + 1], int))
    )


def _part(part: str) -> list[Token]:
    if part.isdigit():
        return [int(part)]
    if of_type := _OF_TYPE.fullmatch(part):
        return [f"@{of_type[1].lower()}", int(of_type[2])]
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part).lower().strip("_")
    if name in PARTS:
        return [PARTS[name]]
    if name in _SILENT:
        return []
    if numbered := _NUMBERED.fullmatch(name):
        return [_word(numbered[1]), int(numbered[2])]
    return [_word(name)]


def _word(name: str) -> str:
    if name in PARTS:
        return PARTS[name]
    plural = len(name) > 3 and name.endswith("s") and not name.endswith("ss")
    return PARTS.get(name[:-1], name[:-1]) if plural else name


def words(path: str) -> frozenset[str]:
    """The words in a path, without numbers and names made of types."""
    return frozenset(
        word
        for token in tokens(path)
        if isinstance(token, str) and not token.startswith("@")
        for word in token.split("_")
    )


def stem(path: str) -> str:
    """The path without its numbers: what members of one family share."""
    return re.sub(r"_?\d+", "", path)


def natural(path: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts `layer_2` before `layer_10`, and `linear` before `linear_1`."""
    pieces = re.findall(r"\d+|[^\d./_]+", path)
    return tuple(
        (int(piece), "") if piece.isdigit() else (-1, piece) for piece in pieces
    )


def aligned(
    left: Sequence[Tokens], right: Sequence[Tokens]
) -> tuple[dict[Tokens, Tokens], dict[Tokens, Tokens]]:
    """Numbers as ranks, where both sides count equally many at the same place.

    A Sequential with functions in between has 0, 2, 4 where a list has 0, 1, 2.
    """
    new_left: dict[Tokens, Tokens] = dict.fromkeys(left, ())
    new_right: dict[Tokens, Tokens] = dict.fromkeys(right, ())
    _align(list(new_left), list(new_right), 0, (new_left, new_right))
    return new_left, new_right


def _align(
    left: list[Tokens],
    right: list[Tokens],
    depth: int,
    new: tuple[dict[Tokens, Tokens], dict[Tokens, Tokens]],
) -> None:
    sides = [_children(paths, depth) for paths in (left, right)]
    numbers = [sorted(t for t in side if isinstance(t, int)) for side in sides]
    even = len(numbers[0]) == len(numbers[1])
    named: list[dict[Token, list[Tokens]]] = []
    for side, own, result in zip(sides, numbers, new, strict=True):
        names: dict[Token, list[Tokens]] = {}
        for token, paths in side.items():
            name = own.index(token) if even and isinstance(token, int) else token
            names[name] = paths
            for path in paths:
                result[path] = (*result[path], name)
        named.append(names)
    for name in named[0].keys() | named[1].keys():
        _align(named[0].get(name, []), named[1].get(name, []), depth + 1, new)


def _children(paths: list[Tokens], depth: int) -> dict[Token, list[Tokens]]:
    found: dict[Token, list[Tokens]] = {}
    for path in paths:
        if len(path) > depth:
            found.setdefault(path[depth], []).append(path)
    return found


def renamed(path: str, pattern: str, target: str) -> str | None:
    """The path under its new name, or None where the pattern does not meet it.

    A pattern names a leaf or a layer with all that is in it; each `*` stands for
    something that the target has at its own `*`.
    """
    expression = "(.+?)".join(re.escape(piece) for piece in pattern.split("*"))
    met = re.fullmatch(rf"{expression}(?P<rest>(?:\..+)?)", path)
    if met is None:
        return None
    pieces = target.split("*")
    captured = met.groups()[: len(pieces) - 1]
    name = pieces[0] + "".join(
        own + piece for own, piece in zip(captured, pieces[1:], strict=True)
    )
    return name + met["rest"].replace(".", "/")
