"""Is a single batch told from an iterable of batches?"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.core.batches import iterable
from relu_jax.core.errors import DataError

X = np.ones((4, 3))


class Pair(NamedTuple):
    x: object
    y: object


class Loader:
    def __iter__(self):
        return iter([X])


@pytest.mark.parametrize(
    "batches", [[X], (X, X), iter([X]), (x for x in [X]), Loader(), {X.shape}, Pair([X], [X]), []]
)
def test_what_can_be_iterated_over_is_handed_back(batches):
    assert iterable(batches) is batches


@pytest.mark.parametrize(
    ("batches", "got"),
    [
        (None, "None"),
        (3, "int 3"),
        (X, r"float64 array of shape \(4, 3\)"),
        (jnp.ones(2), r"float32 array of shape \(2,\)"),
        ({"x": X}, "dict of length 1"),
        (Pair(X, X), "Pair of length 2"),
        ("text", "str 'text'"),
        (b"text", "bytes b'text'"),
    ],
)
def test_a_single_batch_is_refused(batches, got):
    words = rf"^batches is an iterable of batches; got {got}; wrap a single batch in a list: \[bat"
    with pytest.raises(DataError, match=words):
        iterable(batches)
