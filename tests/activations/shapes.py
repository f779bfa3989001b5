"""Functions that no catalogue may hold, so that a card meets what it does not expect."""

import jax.numpy as jnp

from relu_jax.activations import Activation

WAVE = Activation("wave", lambda x: x * jnp.cos(x), "x cos x", "made up")
SINE = Activation("sine_of_30", lambda x: jnp.sin(30 * x), "sin 30x", "made up")
STEP = Activation(
    "step", lambda x: jnp.where(x > 0, jnp.ones_like(x), jnp.zeros_like(x)), "x > 0", "made up",
    kinks=(0.0,), slope_at_kinks=(0.0,), flat=True,
)  # fmt: skip
SHRINK = Activation(
    "shrink", lambda x: jnp.where(jnp.abs(x) > 0.5, x, jnp.zeros_like(x)), "", "made up",
    kinks=(-0.5, 0.5), slope_at_kinks=(0.0, 0.0), flat=True,
)  # fmt: skip
# As the rate of a leaky integrate-and-fire neuron leaves 0: continuous, of infinite slope.
ROOT = Activation(
    "root",
    lambda x: jnp.where(x > 0.2, jnp.sqrt(jnp.where(x > 0.2, x - 0.2, jnp.ones_like(x))), 0 * x),
    "", "made up", kinks=(0.2,), slope_at_kinks=(0.0,), flat=True,
)  # fmt: skip
SQUARE = Activation("square", lambda x: x * x, "x^2", "definition")
BUMP = Activation("bump", lambda x: jnp.exp(-x * x / 2), "e^(-x^2 / 2)", "definition")
FALLING = Activation("falling", lambda x: -x, "-x", "definition")
