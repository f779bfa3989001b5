"""Are the slopes at kinks read off masks, and off nothing else?"""

import jax.numpy as jnp
import pytest

from relu_jax.tap.masks import Told
from relu_jax.tap.recognise import Match
from relu_jax.tap.regions import piece
from tests.tap import networks as n
from tests.tap.reading import regions_of

MASKS = {
    "comparison": (lambda x: (x >= 0).astype(x.dtype), {(1.0,)}),
    "two numbers": (lambda x: jnp.where(x > 0, -7.0, 3.0), {(0.0,)}),
    "one in between": (lambda x: (jnp.sign(x) + 1) / 4, {(0.5,)}),
    "beyond both": (lambda x: jnp.where(x == 0, 9.0, jnp.sign(x)), set()),
    "elsewhere": (lambda x: (x > 1).astype(x.dtype), set()),
    "no mask": (jnp.tanh, set()),
}


def _told(f):
    flow = regions_of(f, n.X)
    (x,), (y,) = flow.frame.ins, flow.frame.outs
    return piece(flow, x, y)


@pytest.mark.parametrize(("mask", "slopes"), MASKS.values(), ids=MASKS)
def test_what_a_mask_tells_of_a_relu(mask, slopes):
    told = Told(Match("relu", {}, (0.25,)), _told(lambda x: jnp.maximum(x, 0)))
    assert told([_told(mask)]) == slopes
    assert told.is_mask(_told(mask)) == (mask is not jnp.tanh)


def test_the_derivative_itself_goes_before_masks():
    told = Told(Match("relu", {}, (0.25,)), _told(lambda x: jnp.maximum(x, 0)))
    derivative = _told(lambda x: jnp.where(x == 0, 0.25, (x > 0).astype(x.dtype)))
    assert told([_told(lambda x: x >= 0), derivative]) >= {(0.25,)}
