"""Does the tap find what each function of the table holds, and leave its numbers as they are?"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax import tap
from tests.tap.cases import CASES, Case

pytestmark = [
    pytest.mark.standard_promotion("the rows are models as users write them"),
    pytest.mark.leaks_unchecked("it collects garbage at every trace: test_leaks.py checks a few"),
]


def _id(case: Case) -> str:
    return case.name


def test_the_table_is_long_enough_and_no_name_comes_twice():
    names = [case.name for case in CASES]
    assert len(names) >= 60
    assert len(set(names)) == len(names)
    assert all(case.reason for case in CASES if case.ulps)


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_sites_are_those_of_the_row(case):
    f, args = case.build()
    sites = tap.sites(f, *args)
    assert [s.kind for s in sites] == [e.kind for e in case.expected], str(sites)
    assert [s.loops for s in sites] == [e.loops for e in case.expected]
    low = any(s.dtype in ("bfloat16", "float16") for s in sites)
    for site, expected in zip(sites, case.expected, strict=True):
        _agrees(site, expected, 0.01 if low else 1e-5)
    _adds_up(sites)
    assert tuple(name.split(" at ")[0] for name in sites.coverage.opaque) == case.opaque


def _agrees(site, expected, rtol):
    for name, value in expected.params.items():
        np.testing.assert_allclose(site.params[name], value, rtol=rtol)
    if expected.slopes is not None:
        np.testing.assert_allclose(site.slope_at_kinks, expected.slopes, rtol=rtol)
    if expected.gates is not None:
        assert site.gates == expected.gates
    if expected.units is not None:
        assert site.unit_axes == expected.units
    assert site.count == np.prod(site.loops, dtype=int)


def _adds_up(sites):
    told = sites.coverage
    assert len({s.id for s in sites}) == len(sites)
    assert told.recognised == sum(s.kind != "unknown" for s in sites)
    assert told.unknown == len(sites) - told.recognised
    assert told.chains == len(sites) + sum(told.ignored.values())


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_tapped_value_and_gradient_are_the_original_s(case):
    f, args = case.build()
    loss = _scalar(f) if case.smooth else None
    original = jax.jit(lambda *args: (f(*args), loss and jax.value_and_grad(loss, allow_int=True)(*args)))

    def tapped(*args: Any) -> Any:
        value, seen = tap.record(f)(*args)
        if loss is None:
            return (value, None), seen
        run = tap.observed_value_and_grad(loss, lambda site, act, *ends: ends, lambda site, ct: ct)
        total, gradient, _, back = run(*args)
        return (value, (total, gradient)), (seen, back)

    left = original(*args)
    right, seen = jax.jit(tapped)(*args)
    _same(right, left, case.ulps)
    assert jax.tree.leaves(seen) or not case.expected


def _scalar(f: Callable[..., Any]) -> Callable[..., Any]:
    """Weigh and add up every floating result of f."""

    def loss(*args: Any) -> Any:
        leaves = [y for y in jax.tree.leaves(f(*args)) if jnp.issubdtype(y.dtype, jnp.floating)]
        if len(leaves) == 1 and leaves[0].shape == ():
            return leaves[0]
        return sum(_weighted(y) for y in leaves)

    return loss


def _weighted(y: Any) -> Any:
    weights = np.cos(np.arange(y.size)).reshape(y.shape)
    return jnp.sum(y.astype(jnp.float32) * weights.astype(np.float32))


def _same(got: Any, want: Any, ulps: int) -> None:
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert a.dtype == b.dtype
        if ulps and jnp.issubdtype(a.dtype, jnp.floating):
            np.testing.assert_array_max_ulp(a, b, ulps)
        else:
            np.testing.assert_array_equal(a, b)
