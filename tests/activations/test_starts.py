"""How learned parameters start, and which starts are refused."""

from functools import partial
from inspect import unwrap

import jax
import numpy as np
import pytest

from relu_jax.activations.starts import Start
from relu_jax.activations.trainable_rectifiers import PRELU, SRELU
from relu_jax.activations.trainable_smooth import ACON_C, DYT, SQUAREPLUS
from relu_jax.activations.trainable_sums import APL, start_apl

TWO = Start((("a", 2.0), ("b", 3.0)), shared=("b",))


def test_a_start_fills_every_unit_and_keeps_shared_numbers_scalar():
    params = TWO(None, (2, 3))
    np.testing.assert_array_equal(params["a"], np.full((2, 3), 2.0))
    assert params["b"].shape == ()
    assert TWO(None, (4,), a=7)["a"].tolist() == [7, 7, 7, 7]
    assert DYT.init(None, (4,))["alpha"].shape == ()


def test_a_start_refuses_unknown_names_and_numbers_out_of_range():
    with pytest.raises(TypeError, match=r"what starts here is slope; got alpha; leave it out"):
        PRELU.init(None, (), alpha=1.0)
    with pytest.raises(ValueError, match=r"squareplus needs b > 0; got b=0.0; pass a posi"):
        SQUAREPLUS.init(None, (), b=0)
    with pytest.raises(TypeError, match=r"start of slope is a finite number; got float nan; pass"):
        PRELU.init(None, (), slope=np.nan)


def test_starts_are_told_but_for_those_that_are_drawn_or_spread_out():
    assert SRELU.starts == {"low": 0.0, "low_slope": 0.2, "high": 1.0, "high_slope": 1.0}
    assert {k: float(v) for k, v in DYT.init().items()} == DYT.starts
    assert set(ACON_C.starts) == {"beta"}
    assert APL.starts == {}


@pytest.mark.parametrize("trainable", [PRELU, ACON_C, APL], ids=["prelu", "acon_c", "apl"])
def test_a_shape_is_made_of_sizes(trainable):
    init = unwrap(type(trainable.init).__call__) if trainable is not APL else unwrap(start_apl)
    init = partial(init, trainable.init) if trainable is not APL else init
    key = jax.random.key(0)
    with pytest.raises(ValueError, match=r"size of a parameter is at least 0; got shape=\(2, -1\)"):
        init(key, (2, -1))
    for shape in (None, "a", 2.5, (2.5,)):
        with pytest.raises(TypeError, match=r"a size of a parameter is an integer; got"):
            init(key, shape)
    assert {v.shape[-1] for v in init(key, 3).values()} == {3}
    assert {v.shape[-1] for v in init(key, (0,)).values()} == {0}


def test_a_random_start_needs_a_key_and_draws_each_parameter_apart():
    with pytest.raises(TypeError, match=r"p1 and p2 start as random numbers; got no key; pass key"):
        ACON_C.init()
    params = ACON_C.init(jax.random.key(0), (4000,))
    # 5 standard errors of the mean and of the correlation of 4,000 normal draws
    assert abs(float(params["p1"].mean())) < 5 / np.sqrt(4000)
    assert abs(np.corrcoef(params["p1"], params["p2"])[0, 1]) < 5 / np.sqrt(4000)
    assert abs(float(params["p1"].var()) - 1) < 5 * np.sqrt(2 / 4000)
