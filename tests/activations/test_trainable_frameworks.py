"""Does a framework's PReLU start where that framework starts it, with its slope at the kink?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from relu_jax.activations import TRAINABLE, frozen
from relu_jax.activations.frameworks import FRAMEWORKS
from relu_jax.activations.lookup import get_trainable
from relu_jax.activations.trainable_frameworks import TRAINABLE_FRAMEWORKS

X = np.array([-2.0, -0.0, 0.0, 3.0], np.float32)


def derivative(f, x):
    """Differentiate at each x."""
    return jax.jvp(f, (jnp.asarray(x),), (jnp.ones(x.shape),))


def keras(x, slope):
    """Write keras.layers.PReLU as Keras 3 does, on the JAX backend."""
    return jax.nn.relu(x) - slope * jax.nn.relu(-x)


@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_keras_s_is_that_of_its_formula(slope):
    prelu = get_trainable("prelu", framework="keras")
    ours, theirs = (
        derivative(f, X) for f in (lambda x: prelu({"slope": slope}, x), lambda x: keras(x, slope))
    )
    np.testing.assert_array_equal(ours, theirs)
    assert prelu.starts == {"slope": 0.0}


def test_jax_s_is_that_of_flax():
    prelu, theirs = get_trainable("prelu", framework="jax"), linen.PReLU()
    params = theirs.init(jax.random.key(0), X)
    assert prelu.starts["slope"] == pytest.approx(float(params["params"]["negative_slope"]))
    np.testing.assert_array_equal(
        derivative(lambda x: prelu(prelu.init(), x), X),
        derivative(lambda x: theirs.apply(params, x), X),
    )


@pytest.mark.torch
def test_pytorch_s_is_that_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: make torch")
    layer, x = torch.nn.PReLU(), torch.tensor(X, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    prelu = get_trainable("prelu", framework="torch")
    assert prelu.starts == {"slope": float(layer.weight.detach())}
    ours = derivative(lambda x: prelu(prelu.init(), x), X)
    np.testing.assert_array_equal(ours, [y.detach().numpy(), x.grad.numpy()])
    in_slope = jax.grad(lambda p: prelu(p, X).sum())(prelu.init())["slope"]
    assert in_slope == float(layer.weight.grad)


@pytest.mark.parametrize(("framework", "at_zero"), [("jax", 1.0), ("torch", 0.25), ("keras", 0.0)])
def test_the_facts_say_the_slope_at_the_kink(framework, at_zero):
    act = frozen(get_trainable("prelu", framework=framework), {"slope": 0.25})
    assert act.slope_at_kinks == (at_zero,)
    assert float(act.derivative(np.float32(0))) == at_zero
    assert act.with_params(slope=0).flat


def test_one_slope_on_both_sides_is_a_kink_only_where_another_is_taken_between():
    kinks = {
        of: frozen(get_trainable("prelu", framework=of), {"slope": 1}).kinks for of in FRAMEWORKS
    }
    assert kinks == {"jax": (), "torch": (), "keras": (0.0,)}


def test_a_name_that_is_not_listed_is_the_registry_s_own():
    assert set(TRAINABLE_FRAMEWORKS) == set(FRAMEWORKS)
    for trainable in TRAINABLE[1:]:
        assert all(get_trainable(trainable.name, framework=of) is trainable for of in FRAMEWORKS)
    assert get_trainable("prelu") is TRAINABLE[0]


def test_an_unknown_framework_is_refused():
    with pytest.raises(
        ValueError, match=r"a framework is one of jax, torch, keras; got str 'flax'"
    ):
        get_trainable("prelu", framework="flax")
