"""Is it said, per site, what its slope is made of, or why it cannot be?"""

import jax
import jax.numpy as jnp
import pytest
from jax import lax, nn

from relu_jax.tap import program
from relu_jax.tap.site_laws import laws
from relu_jax.tap.slope_laws import Pieces, Steps
from relu_jax.tap.slope_levels import Levels

X = jnp.linspace(-2, 2, 24).reshape(6, 4)


def _laws(f, *args, bits=None):
    return [how for _, how in laws(program.opened(f, args, {})[1], bits)]


@pytest.mark.parametrize(
    ("f", "bits", "kind"),
    [
        (nn.relu, None, Steps),
        (nn.gelu, None, Pieces),
        (nn.relu, 1, Steps),
        (nn.gelu, 3, Levels),
        (lambda x: jnp.where(x > 1, 3 * x, jnp.where(x < -1, 2 * x, x)), 2, Steps),
        (lambda x: jnp.where(x > 1, 3 * x, jnp.where(x < -1, 2 * x, x)), 1, Levels),
    ],
    ids=["steps", "pieces", "steps of one bit", "levels", "enough bits", "too few bits"],
)
def test_a_law_is_found(f, bits, kind):
    (how,) = _laws(f, X, bits=bits)
    assert isinstance(how, kind)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x, _: lax.while_loop(lambda s: s.sum() < 5, lambda s: nn.elu(s) + 1, x),
         "left: no gradient in a while loop"),
        (lambda x, a: jnp.where(x > 0, x, a * x), "left: a parameter is an array"),
        (jax.value_and_grad(lambda w, x: jnp.sum(nn.relu(x @ w.T) @ w)),
         "left: the program takes a derivative"),
        (lambda x, _: jnp.sin(3 * x), "left: no short law of y"),
    ],
    ids=["while", "array", "derivative", "waves"],
)  # fmt: skip
def test_what_is_left_says_why(f, words):
    (how,) = _laws(f, X, X[:1])
    assert how.startswith(words)


def test_a_function_is_looked_at_once():
    first, again = _laws(lambda x: nn.silu(nn.silu(x) @ jnp.ones((4, 4))), X)
    assert first is again
