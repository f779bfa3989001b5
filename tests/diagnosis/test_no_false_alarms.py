"""Are networks that are meant as they are left without a warning?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import relu_jax as rj
from relu_jax import data
from tests.diagnosis import networks
from tests.diagnosis.networks import Case, digits, mlp_loss, start

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace, three times the cost; test_diagnose.py runs under it"
)


def raw_pixels(size=128):
    """Take digits with the brightness as most files have it: 0 to 255, not centred."""
    train = data.split().train
    return [((train.images[:size] * 255).astype(np.float32), train.labels[:size])]


def gelu_on_raw_pixels():
    return Case(mlp_loss(jax.nn.gelu), start([64, 32, 32, 10]), raw_pixels())


def draw(*shape, seed=0):
    fan_in = int(np.prod(shape[:-1]))
    values = np.random.default_rng(seed).standard_normal(shape) * (2 / fan_in) ** 0.5
    return jnp.asarray(values, jnp.float32)


def convolve(x, kernel, groups=1):
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )  # fmt: skip


def depthwise_separable():
    """A convolution per channel, then one across channels, as in MobileNet and ConvNeXt."""

    def loss(params, batch):
        x, labels = batch
        x = jax.nn.relu(convolve(x.reshape(-1, 8, 8, 1), params["stem"]))
        x = convolve(x, params["depthwise"], groups=8)
        x = jax.nn.relu(convolve(x, params["pointwise"]))
        return networks.cross_entropy(x.mean((1, 2)) @ params["last"], labels)

    params = {
        "stem": draw(3, 3, 1, 8), "depthwise": draw(3, 3, 1, 8), "pointwise": draw(1, 1, 8, 16),
        "last": draw(16, 10),
    }  # fmt: skip
    return Case(loss, params, digits())


def residual_stem(wrap=lambda block: block):
    """A stem without activation that feeds the blocks and the sum around them."""

    def block(params, x):
        return x + jax.nn.relu(x @ params["in"]) @ params["out"]

    def loss(params, batch):
        x, labels = batch
        x = wrap(block)(params, x @ params["stem"])
        return networks.cross_entropy(jax.nn.relu(x) @ params["last"], labels)

    params = {
        "stem": draw(64, 64), "in": draw(64, 64, seed=1), "out": draw(64, 64, seed=2),
        "last": draw(64, 10, seed=3),
    }  # fmt: skip
    return Case(loss, params, digits())


def residual_stem_under_jit():
    return residual_stem(jax.jit)


def residual_stem_under_remat():
    return residual_stem(jax.checkpoint)


MEANT = [
    (depthwise_separable, {"linear_stack"}),
    (residual_stem, {"linear_stack"}),
    (residual_stem_under_jit, {"linear_stack"}),
    (residual_stem_under_remat, {"linear_stack"}),
]


@pytest.mark.parametrize(("network", "mild"), MEANT, ids=[row[0].__name__ for row in MEANT])
def test_what_is_meant_is_mild_at_most(network, mild):
    found = rj.diagnose(*network()).findings
    assert {(one.kind, one.severity) for one in found} == {(kind, "info") for kind in mild}, found


def test_raw_pixels_are_told_as_such_and_not_as_underflow():
    (found,) = rj.diagnose(*gelu_on_raw_pixels()).findings
    assert (found.kind, found.severity) == ("input_scale", "warning")


def test_gelu_in_bfloat16_loses_a_little_of_its_off_side():
    params = start([64, 32, 32, 10], gain=4.0)
    narrow = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params)
    found = rj.diagnose(mlp_loss(jax.nn.gelu), narrow, digits()).findings
    assert [(one.kind, one.severity) for one in found if one.kind == "underflow"] == [
        ("underflow", "info")
    ]
