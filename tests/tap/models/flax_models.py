"""Flax Linen models of Transformers, with the activations their configurations name.

Every model is built from a small configuration, without weights.
"""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

# Read on import: nothing is looked up on the network, and PyTorch, where it is, stays out of it.
os.environ |= {"HF_HUB_OFFLINE": "1", "USE_TORCH": "0", "TRANSFORMERS_VERBOSITY": "error"}

import jax
import jax.numpy as jnp
import transformers as hf

from tests.tap.models.model import Model

LAYERS = 2
_WIDTHS = {
    "hidden_size": 32, "num_hidden_layers": LAYERS, "num_attention_heads": 2,
    "intermediate_size": 64,
}  # fmt: skip
_TEXT = {**_WIDTHS, "vocab_size": 100, "max_position_embeddings": 64}
_PICTURE = {**_WIDTHS, "image_size": 32, "patch_size": 8}
_GPT = {"n_embd": 32, "n_layer": LAYERS, "n_head": 2, "vocab_size": 100, "n_positions": 32}
_BOTH_WAYS = {
    "d_model": 32, "encoder_layers": LAYERS, "decoder_layers": LAYERS,
    "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "vocab_size": 100, "max_position_embeddings": 64,
}  # fmt: skip
_STAGES = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 2]}
# What Transformers call a function, and what it is.
_MEANS = {
    "gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "silu": "silu",
    "relu": "relu", "quick_gelu": "quick_gelu",
}  # fmt: skip

IDS = jax.ShapeDtypeStruct((2, 16), jnp.int32)
_IMAGES = jax.ShapeDtypeStruct((2, 3, 32, 32), jnp.float32)
_SOUND = jax.ShapeDtypeStruct((2, 400), jnp.float32)
_MEL = jax.ShapeDtypeStruct((2, 8, 16), jnp.float32)
_FED_TWICE = ("decoder_input_ids",)


def _model(
    name: str, expected: dict[str, int], *inputs: Any, named: tuple[str, ...] = (), **settings: Any
) -> Model:
    config = getattr(hf, f"{name}Config")(**settings)
    made = getattr(hf, f"Flax{name}Model")(config, _do_init=False)

    def f(params: Any, *inputs: Any) -> Any:
        plain = inputs[: len(inputs) - len(named)]
        given = dict(zip(named, inputs[len(plain) :], strict=True))
        return made(*plain, params=params, **given).to_tuple()

    shapes = jax.tree.map(lambda s: jax.ShapeDtypeStruct(s.shape, s.dtype), made.params_shape_tree)
    return Model(f, (dict(shapes), *inputs), Counter(expected))


def text(name: str, act: str, *, pooled: bool = False, **settings: Any) -> Model:
    """Build a language model: a function per layer, and the pooler's tanh where there is one."""
    expected = {_MEANS[act]: LAYERS} | ({"tanh": 1} if pooled else {})
    return _model(name, expected, IDS, **settings)


def encoder_decoder(name: str, act: str, **settings: Any) -> Model:
    """Build a model with an encoder and a decoder: a function per layer of both."""
    expected = {_MEANS[act]: 2 * LAYERS}
    return _model(name, expected, IDS, IDS, named=_FED_TWICE, **_BOTH_WAYS, **settings)


def picture(name: str, act: str, *, pooled: bool = False, **settings: Any) -> Model:
    """Build a vision transformer."""
    expected = {_MEANS[act]: LAYERS} | ({"tanh": 1} if pooled else {})
    return _model(name, expected, _IMAGES, **(_PICTURE | settings))


def residual(name: str, **settings: Any) -> Model:
    """Build a residual network: one relu at the start, three per block; RegNet's blocks are gated.

    ResNet's two kinds of block have three convolutions each here.
    """
    blocks = sum(_STAGES["depths"])
    gates = {"sigmoid": blocks} if name == "RegNet" else {}
    relus = 1 + (4 if gates else 3) * blocks
    return _model(name, {"relu": relus} | gates, _IMAGES, **_STAGES, **settings)


def clip() -> Model:
    """Build two encoders, of text and of images."""
    return _model(
        "CLIP",
        {"quick_gelu": 2 * LAYERS},
        IDS,
        _IMAGES,
        text_config={**_TEXT, "eos_token_id": 2},
        vision_config=_PICTURE,
    )


def whisper() -> Model:
    """Build a model of sound: two convolutions before the encoder."""
    return _model(
        "Whisper",
        {"gelu": 2 + 2 * LAYERS},
        _MEL,
        jax.ShapeDtypeStruct((2, 8), jnp.int32),
        named=_FED_TWICE,
        **{k: v for k, v in _BOTH_WAYS.items() if k != "max_position_embeddings"},
        **{"num_mel_bins": 8, "max_source_positions": 8, "max_target_positions": 16},
        **{"pad_token_id": 1, "bos_token_id": 4, "eos_token_id": 3, "decoder_start_token_id": 2},
    )


def wav2vec2() -> Model:
    """Build a model of sound: convolutions, one of positions, then an encoder."""
    convolutions = (16, 16)
    return _model(
        "Wav2Vec2",
        {"gelu": len(convolutions) + 1 + LAYERS},
        _SOUND,
        **_WIDTHS,
        **{"conv_dim": convolutions, "conv_stride": (4, 4), "conv_kernel": (8, 4)},
        **{"num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2, "vocab_size": 100},
        **{"do_stable_layer_norm": True, "feat_extract_norm": "layer"},
    )


MODELS: dict[str, Callable[[], Model]] = {
    "BERT": lambda: text("Bert", "gelu", pooled=True, **_TEXT),
    "RoBERTa": lambda: text("Roberta", "gelu", pooled=True, **_TEXT),
    "ELECTRA": lambda: text("Electra", "gelu", **_TEXT, embedding_size=32),
    "ALBERT": lambda: text("Albert", "gelu_new", pooled=True, **_TEXT, embedding_size=16),
    "RoFormer": lambda: text("RoFormer", "gelu", **_TEXT),
    "BigBird": lambda: text(
        "BigBird", "gelu_new", pooled=True, **_TEXT, attention_type="original_full"
    ),
    "GPT-2": lambda: text("GPT2", "gelu_new", **_GPT),
    "GPT-J": lambda: text("GPTJ", "gelu_new", **_GPT, rotary_dim=4),
    "Llama": lambda: text("Llama", "silu", **_TEXT),
    "Mistral": lambda: text("Mistral", "silu", **_TEXT, num_key_value_heads=1),
    "Gemma": lambda: text(
        "Gemma", "gelu_pytorch_tanh", **_TEXT, num_key_value_heads=1, head_dim=16
    ),
    "BLOOM": lambda: text(
        "Bloom", "gelu_new", hidden_size=32, n_layer=LAYERS, n_head=2, vocab_size=100
    ),
    "BART": lambda: encoder_decoder("Bart", "gelu"),
    "mBART": lambda: encoder_decoder("MBart", "gelu"),
    "Pegasus": lambda: encoder_decoder("Pegasus", "gelu"),
    "Blenderbot": lambda: encoder_decoder("Blenderbot", "gelu"),
    "ViT": lambda: picture("ViT", "gelu", pooled=True),
    "BEiT": lambda: picture("Beit", "gelu", vocab_size=100),
    "DINOv2": lambda: picture("Dinov2", "gelu", mlp_ratio=2),
    "ResNet": lambda: residual("ResNet"),
    "RegNet": lambda: residual("RegNet", groups_width=8),
    "CLIP": clip,
    "Whisper": whisper,
    "Wav2Vec2": wav2vec2,
}
