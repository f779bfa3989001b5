"""Does a number choose its word?"""

import pytest

from relu_jax.core.wording import plural


@pytest.mark.parametrize("n", [0, 2, None])
def test_none_and_several_take_the_plural(n):
    assert plural(n, "value", "values") == "values"


def test_one_takes_the_singular():
    assert plural(1, "value", "values") == "value"
