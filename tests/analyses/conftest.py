"""What tests of networks as users write them share."""

import jax
import pytest


@pytest.fixture
def any_rank():
    """Let arrays of different ranks meet, as JAX does unless it is told otherwise."""
    with jax.numpy_rank_promotion("allow"):
        yield
