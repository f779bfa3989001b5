"""Does every function that mixes units stand in the registry, under the name it is called by?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax import activations
from relu_jax.activations.mixing import MIXING, mixing_names

ARGUMENTS = {"maxout": {"k": 3}, "k_winners": {"k": 2}, "gumbel_softmax": {"key": None}}


def test_the_names_are_distinct_and_no_other_registry_s():
    others = {*activations.names(), *activations.gated_names(), *activations.trainable_names()}
    assert len(set(mixing_names())) == len(MIXING) == 10
    assert others.isdisjoint(mixing_names())


@pytest.mark.parametrize("entry", MIXING, ids=mixing_names())
def test_the_entry_is_complete_and_mixes_units(entry):
    assert getattr(activations, entry.name) is entry.fn
    assert entry.fn.__name__ == entry.name
    assert entry.formula
    assert entry.source
    given = dict(ARGUMENTS.get(entry.name, {}))
    if "key" in given:
        given["key"] = jax.random.key(0)
    x = jnp.asarray([0.3, -1.2, 0.9])
    moved = entry.fn(x=x.at[0].add(-2.0), **given) - entry.fn(x=x, **given)
    elsewhere = np.delete(np.asarray(moved), 0)
    assert moved.shape != x.shape or elsewhere.any()
