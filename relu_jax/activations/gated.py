"""Which units multiply a value by an activated gate, and which half of a layer is which?

They take two arrays, so they are no elementwise activations and have a registry of their own.
Frameworks disagree on which half of a layer is the gate; `gated_layouts.split` wants it said.

An infinite value behind a closed gate is inf * 0, which is NaN.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations import smooth
from relu_jax.activations.exponential import selu
from relu_jax.activations.inputs import as_float
from relu_jax.activations.ranges import known_number
from relu_jax.activations.rectifiers import relu
from relu_jax.activations.smooth import gelu_tanh, silu
from relu_jax.core import errors

Elementwise = Callable[[jax.Array], jax.Array]


@dataclass(frozen=True)
class Gated:
    """Name a unit that takes a value and a gate, both of one shape and dtype.

    Args:
        name: the registry's word for it.
        fn: ``fn(value, gate)``, elementwise in both.
        formula: the function in one line of text; v is the value, g the gate.
        source: author and year, and the equation or section.

    Example:
        >>> float(REGLU(3.0, -1.0)), float(REGLU(3.0, 2.0))
        (0.0, 6.0)
    """

    name: str
    fn: Callable[..., jax.Array]
    formula: str
    source: str

    def __call__(self, value: ArrayLike, gate: ArrayLike) -> jax.Array:
        """Gate the value; the dtype of floats is kept.

        Raises:
            ValueError: value and gate differ in shape or dtype.
            TypeError: complex numbers.
        """
        return self.fn(value, gate)


def glu(value: ArrayLike, gate: ArrayLike) -> jax.Array:
    """Gate with a logistic function: v * sigmoid(g).

    Source: Dauphin, Fan, Auli & Grangier 2017.

    Example:
        >>> float(glu(3.0, 0.0))
        1.5
    """
    value, gate = _pair(value, gate)
    return value * lax.logistic(gate)


def gtu(value: ArrayLike, gate: ArrayLike) -> jax.Array:
    """Gate a squashed value: tanh(v) * sigmoid(g).

    Source: van den Oord et al. 2016, Conditional image generation with PixelCNN decoders.

    Example:
        >>> float(gtu(jnp.inf, 0.0))
        0.5
    """
    value, gate = _pair(value, gate)
    return jnp.tanh(value) * lax.logistic(gate)


def bilinear(value: ArrayLike, gate: ArrayLike) -> jax.Array:
    """Multiply: v * g.

    Source: Mnih & Hinton 2007; Shazeer 2020.

    Example:
        >>> float(bilinear(3.0, -1.0))
        -3.0
    """
    value, gate = _pair(value, gate)
    return value * gate


def reglu(value: ArrayLike, gate: ArrayLike) -> jax.Array:
    """Gate with a rectifier: v * max(g, 0).

    Edges: at g = 0 the derivative in g is 0.

    Source: Shazeer 2020.

    Example:
        >>> float(reglu(3.0, 2.0))
        6.0
    """
    value, gate = _pair(value, gate)
    return value * relu(gate)


def drelu(value: ArrayLike, gate: ArrayLike) -> jax.Array:
    """Rectify both: max(v, 0) * max(g, 0), which is 0 for three units in four.

    Edges: at v = 0 and at g = 0 the derivative is 0.

    Source: Song et al. 2024, Turbo sparse.

    Example:
        >>> float(drelu(-3.0, 2.0)), float(drelu(3.0, 2.0))
        (0.0, 6.0)
    """
    value, gate = _pair(value, gate)
    return relu(value) * relu(gate)


def geglu(value: ArrayLike, gate: ArrayLike, *, gelu: Elementwise = smooth.gelu) -> jax.Array:
    """Gate with a gelu: v * gelu(g).

    Args:
        value: what is gated.
        gate: of the same shape and dtype.
        gelu: which one; the exact form by default, while Flax and T5 take `gelu_tanh`.

    Source: Shazeer 2020.

    Example:
        >>> round(float(geglu(2.0, 1.0)), 5), round(float(geglu(2.0, 1.0, gelu=gelu_tanh)), 5)
        (1.68269, 1.68238)
    """
    value, gate = _pair(value, gate)
    return value * gelu(gate)


def geglu_tanh(value: ArrayLike, gate: ArrayLike) -> jax.Array:
    """Gate with the tanh form of gelu: v * gelu_tanh(g).

    Source: Shazeer 2020; the tanh form is that of the T5 code.

    Example:
        >>> round(float(geglu_tanh(2.0, 1.0)), 5)
        1.68238
    """
    return geglu(value, gate, gelu=gelu_tanh)


def swiglu(value: ArrayLike, gate: ArrayLike, *, beta: ArrayLike = 1.0) -> jax.Array:
    """Gate with a swish: v * g / (1 + e^(-beta g)).

    Args:
        value: what is gated; "up" in LLaMA.
        gate: of the same shape and dtype.
        beta: steepness.

    Source: Shazeer 2020.

    Example:
        >>> round(float(swiglu(2.0, 1.0)), 6)
        1.462117
    """
    value, gate = _pair(value, gate)
    return value * silu(gate, beta=beta)


def seglu(value: ArrayLike, gate: ArrayLike) -> jax.Array:
    """Gate with a selu: v * selu(g).

    Source: definition, with the selu of Klambauer et al. 2017.

    Example:
        >>> round(float(seglu(2.0, 1.0)), 6)
        2.101402
    """
    value, gate = _pair(value, gate)
    return value * selu(gate)


def swiglu_oai(
    value: ArrayLike, gate: ArrayLike, *, alpha: float = 1.702, limit: float = 7.0
) -> jax.Array:
    """Gate a clipped value, one added: (clip(v) + 1) * h * sigmoid(alpha h), h = min(g, limit).

    Args:
        value: clipped to [-limit, limit].
        gate: clipped above only.
        alpha: steepness of the gate.
        limit: above 0.

    Raises:
        ValueError: limit <= 0, or no number.

    Edges: at a bound the slope is that of the inside, as with PyTorch's clamp.

    Source: OpenAI 2025, the code of gpt-oss, which interleaves the two:
    ``split(x, gate_first=True, interleaved=True)``.

    Example:
        >>> float(swiglu_oai(-1.0, 5.0)), float(swiglu_oai(100.0, 0.0))
        (0.0, 0.0)
    """
    value, gate = _pair(value, gate)
    if not known_number(limit) > 0:
        raise errors.rejected(
            rule="swiglu_oai clips at limit > 0", got=f"limit={limit}", do="pass limit=7.0"
        )
    kept = jnp.where(value > limit, limit, jnp.where(value < -limit, -limit, value))
    return (kept + 1) * silu(jnp.where(gate > limit, limit, gate), beta=alpha)


def _pair(value: ArrayLike, gate: ArrayLike) -> tuple[jax.Array, jax.Array]:
    value, gate = as_float(value), as_float(gate)
    if (value.shape, value.dtype) != (gate.shape, gate.dtype):
        raise errors.rejected(
            rule="value and gate have one shape and dtype",
            got=f"{errors.describe(value)} and {errors.describe(gate)}",
            do="broadcast or cast one of them",
        )
    return value, gate


SHAZEER = "Shazeer 2020"
GLU = Gated("glu", glu, "v * sigmoid(g)", "Dauphin, Fan, Auli & Grangier 2017")
GTU = Gated("gtu", gtu, "tanh(v) * sigmoid(g)", "van den Oord et al. 2016")
BILINEAR = Gated("bilinear", bilinear, "v * g", "Mnih & Hinton 2007; Shazeer 2020")
REGLU = Gated("reglu", reglu, "v * max(g, 0)", SHAZEER)
DRELU = Gated("drelu", drelu, "max(v, 0) * max(g, 0)", "Song et al. 2024, Turbo sparse")
GEGLU = Gated("geglu", geglu, "v * gelu(g)", SHAZEER)
GEGLU_TANH = Gated("geglu_tanh", geglu_tanh, "v * gelu_tanh(g)", SHAZEER)
SWIGLU = Gated("swiglu", swiglu, "v * g / (1 + e^-g)", SHAZEER)
SEGLU = Gated("seglu", seglu, "v * selu(g)", "definition")
SWIGLU_OAI = Gated(
    "swiglu_oai",
    swiglu_oai,
    "(clip(v, -7, 7) + 1) * h * sigmoid(1.702 h), h = min(g, 7)",
    "OpenAI 2025, the code of gpt-oss",
)

GATED: tuple[Gated, ...] = (
    GLU,
    GTU,
    BILINEAR,
    REGLU,
    DRELU,
    GEGLU,
    GEGLU_TANH,
    SWIGLU,
    SEGLU,
    SWIGLU_OAI,
)


def gated_names() -> tuple[str, ...]:
    """List the names of the gated units, in the registry's order.

    Example:
        >>> gated_names()[:3]
        ('glu', 'gtu', 'bilinear')
    """
    return tuple(unit.name for unit in GATED)
