"""Is the place from which on f' is 0 the one a plain search finds on this backend?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import CATALOGUE, Activation, get
from relu_jax.activations.vanishing import DTYPES, vanishing

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")
INF = float("inf")


THEIRS = {"tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "silu": jax.nn.silu}


@pytest.mark.parametrize(
    ("name", "float32", "bfloat16", "float16"),
    [  # activations.md 2.5, (below, above); measured of jax.nn's functions
        ("tanh", (7.999, 7.999), (3.469, 3.469), (4.508, 4.508)),
        ("sigmoid", (87.34, 16.64), (87.5, 5.56), (11.09, 7.63)),
        ("silu", (87.34, INF), (87.5, INF), (11.09, INF)),
        ("relu", (0, INF), (0, INF), (0, INF)),
        ("relu6", (0, 6), (0, 6), (0, 6)),
        ("leaky_relu", (INF, INF), (INF, INF), (INF, INF)),
    ],
)
def test_measured_places_are_the_reference_ones(name, float32, bfloat16, float16):
    act = Activation(name, THEIRS[name], "", "jax.nn") if name in THEIRS else get(name)
    for dtype, expected in zip(DTYPES, (float32, bfloat16, float16), strict=True):
        assert vanishing(act, dtype)[1:] == pytest.approx(expected, abs=6e-3), dtype
        ours = vanishing(get(name), dtype)[1:]
        # Half precision is computed in float32: ours goes on where jax.nn's has ended.
        later = dtype != "float32" and name in THEIRS
        assert ours == pytest.approx(expected, abs=6e-3) or (later and ours >= expected), dtype


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "gelu", "elu", "log_sigmoid"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_slope_ends_there_and_not_before(name, dtype):
    act = get(name)
    _, below, above = vanishing(act, dtype)
    for side, size in ((-1, below), (1, above)):
        if size == INF:
            continue
        end = jnp.asarray(side * size, dtype)
        inside = jnp.nextafter(end, jnp.zeros_like(end))
        beyond = end * jnp.linspace(1, 50, 2000).astype(dtype)
        assert act.derivative(inside) != 0
        assert not np.asarray(act.derivative(jnp.append(beyond, end)), np.float32).any()


def test_another_dtype_is_refused():
    with pytest.raises(ValueError, match=r"measured in float32, bfloat16, float16; got 'int8'"):
        vanishing(get("relu"), "int8")


@pytest.mark.parametrize("act", CATALOGUE[::4], ids=lambda act: act.name)
def test_every_family_ends_where_its_slope_stays_0_or_never(act):
    size = np.geomspace(1e-30, 3e38, 2000).astype(jnp.bfloat16)
    _, *ends = vanishing(act, "bfloat16")
    for side, end in zip((-1, 1), ends, strict=True):
        alive = np.asarray(act.derivative(side * size), np.float32) != 0
        assert alive[-1] if end == INF else not alive[size >= end].any()
        assert end in (0, INF) or alive[size < end][-1]
        assert end != 0 or not alive.any()
