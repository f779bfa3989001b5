"""Is the function at a site the catalogue's, with the parameters that the program has?"""

import math

import jax
import jax.numpy as jnp
import pytest

import relu_jax as rj
from relu_jax.analyses.catalogued import as_in_program, catalogued


@pytest.mark.parametrize(
    ("f", "name", "params"),
    [
        (jax.nn.relu, "relu", {}),
        (lambda z: jax.nn.elu(z, 0.25), "elu", {"alpha": 0.25}),
        (lambda z: z * jax.nn.sigmoid(1.3 * z + 0.2), None, None),
    ],
)
def test_it_is_found_with_its_parameters(f, name, params):
    (site,) = rj.tap.sites(f, jax.ShapeDtypeStruct((3,), "float32"))
    act = catalogued(site)
    if name is None:
        assert act is None
    else:
        assert act.name == name
        assert act.params == pytest.approx(params)


def test_a_parameter_that_is_an_array_has_no_number():
    (site,) = rj.tap.sites(jax.nn.leaky_relu, jax.ShapeDtypeStruct((3,), "float32"))
    assert catalogued(site).name == "leaky_relu"
    assert catalogued(site._replace(params={"slope": math.nan})) is None


def test_slopes_are_those_of_the_program_where_they_are_known():
    (site,) = rj.tap.sites(lambda x: jnp.maximum(x, 0), jnp.ones(3))
    assert as_in_program(site).slope_at_kinks == (0.5,)
    unknown = site._replace(slope_at_kinks=(float("nan"),))
    assert as_in_program(unknown).slope_at_kinks == catalogued(site).slope_at_kinks
    assert as_in_program(site._replace(kind="unknown")) is None
