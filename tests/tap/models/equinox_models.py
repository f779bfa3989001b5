"""Equinox models of Equimo, with the activations that follow from their layers."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from equimo.layers.attention import SHMA
from equimo.models.convnext import convnext_t
from equimo.models.iformer import iformer_t
from equimo.models.mobilenet import mobilenetv3_large, mobilenetv3_small
from equimo.models.vit import dinov3_vits16plus_pretrain_lvd1689m, vit5_small, vit_tiny_patch16_224

from tests.tap.models.model import Model


def _model(
    build: Callable[..., Any],
    expected: Callable[[Any], dict[str, int]],
    size: int = 64,
    **settings: Any,
) -> Model:
    """Build the shapes of a model of one image, and count what its layers are made of."""
    made = eqx.filter_eval_shape(
        lambda key: build(key=key, num_classes=10, **settings), jax.random.key(0)
    )
    arrays, rest = eqx.partition(made, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))

    def f(arrays: Any, x: Any) -> Any:
        return eqx.combine(arrays, rest)(x, key=jax.random.key(0))

    image = jax.ShapeDtypeStruct((3, size, size), jnp.float32)
    return Model(f, (arrays, image), Counter(expected(made)))


def _parts(made: Any, kind: type) -> int:
    leaves = jax.tree.leaves(made, is_leaf=lambda node: isinstance(node, kind))
    return sum(isinstance(leaf, kind) for leaf in leaves)


def _functions(made: Any) -> Counter[str]:
    """Count the functions a model holds as its leaves."""
    leaves = [leaf for leaf in jax.tree.leaves(made) if callable(leaf)]
    return Counter(leaf.__name__ for leaf in leaves)


def _mobilenet(made: Any) -> dict[str, int]:
    counts = _functions(made)
    # Each gate of squeeze and excite is a relu, which its layer does not hold, and a hard_sigmoid.
    return {**counts, "relu": counts["relu"] + counts["hard_sigmoid"]}


def _iformer(made: Any) -> dict[str, int]:
    return {"gelu_tanh": _functions(made)["gelu"], "sigmoid": _parts(made, SHMA)}


def _blocks(name: str) -> Callable[[Any], dict[str, int]]:
    return lambda made: {name: sum(len(chunk.blocks) for chunk in made.blocks)}


MODELS: dict[str, Callable[[], Model]] = {
    "MobileNetV3Small": lambda: _model(mobilenetv3_small, _mobilenet, in_channels=3),
    "MobileNetV3Large": lambda: _model(mobilenetv3_large, _mobilenet, in_channels=3),
    "ConvNeXt": lambda: _model(convnext_t, _blocks("gelu_tanh"), in_channels=3),
    "iFormer": lambda: _model(iformer_t, _iformer, 224, in_channels=3),
    "ViT": lambda: _model(
        vit_tiny_patch16_224, _blocks("gelu_tanh"), 224, img_size=224, in_channels=3
    ),
    "ViT-5": lambda: _model(vit5_small, _blocks("gelu_tanh"), 224),
    "DINOv3": lambda: _model(dinov3_vits16plus_pretrain_lvd1689m, _blocks("silu"), 224),
}
