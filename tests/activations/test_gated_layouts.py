"""Both ways to lay two halves, both orders, on any axis; an odd size is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.gated import glu
from relu_jax.activations.gated_layouts import LAYOUTS, split

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


@pytest.mark.parametrize("gate_first", [False, True])
@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_what_was_laid_together_comes_apart_again(gate_first, interleaved, axis):
    value = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    gate = -value - 1
    pair = (gate, value) if gate_first else (value, gate)
    place = axis % 3 + 1
    if interleaved:
        shape = [n * (2 if i == axis % 3 else 1) for i, n in enumerate(value.shape)]
        x = np.stack(pair, place).reshape(shape)
    else:
        x = np.concatenate(pair, axis)
    out = split(x, gate_first=gate_first, interleaved=interleaved, axis=axis)
    np.testing.assert_array_equal(out[0], value)
    np.testing.assert_array_equal(out[1], gate)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_split_keeps_the_dtype_and_makes_floats_of_integers(dtype):
    assert all(y.dtype == dtype for y in split(jnp.zeros(4, dtype), gate_first=True))
    assert all(y.dtype == jnp.float32 for y in split(np.zeros(4, np.int8), gate_first=True))


def test_layout_of_jax_nn_is_that_of_its_glu():
    x = np.linspace(-3, 3, 12, dtype=np.float32).reshape(2, 6)
    np.testing.assert_array_equal(glu(*split(x, **LAYOUTS["jax.nn.glu"])), jax.nn.glu(x))


def test_layout_of_torch_is_that_of_its_glu():
    torch = pytest.importorskip("torch", reason="torch is in the test extra only")
    x = np.linspace(-3, 3, 12, dtype=np.float32).reshape(2, 6)
    theirs = torch.nn.functional.glu(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(glu(*split(x, **LAYOUTS["torch.nn.GLU"])), theirs, rtol=1e-6)


def test_gpt_oss_takes_the_gate_from_the_even_places():
    value, gate = split(np.float32([0, 1, 2, 3, 4, 5]), **LAYOUTS["gpt-oss"])
    assert gate.tolist() == [0, 2, 4]
    assert value.tolist() == [1, 3, 5]


@pytest.mark.parametrize(("shape", "axis"), [((2, 5), -1), ((3, 4), 0)])
def test_an_odd_size_is_refused(shape, axis):
    with pytest.raises(
        ValueError, match=rf"halves of an axis of even size; got .*, axis={axis % 2}"
    ):
        split(np.zeros(shape, np.float32), gate_first=True, axis=axis)


def test_an_axis_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"axis is one of the 1 axes of x; got axis=1"):
        split(np.zeros(4, np.float32), gate_first=True, axis=1)
