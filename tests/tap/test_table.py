"""Does the tap find what each function of the table holds, and leave its numbers as they are?"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax import tap
from tests.sampling import some
from tests.tap import networks as n
from tests.tap.cases import CASES, CONTEXTS, PRECISIONS, Case
from tests.tap.spellings import ALL

pytestmark = [
    pytest.mark.standard_promotion("the rows are models as users write them"),
    pytest.mark.leaks_unchecked("it collects garbage at every trace: test_observe.py has it"),
]


def _id(case: Case) -> str:
    return case.name


def test_the_table_is_long_enough_and_no_name_comes_twice():
    names = [case.name for case in CASES]
    assert len(names) >= 60
    assert len(set(names)) == len(names)


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


def _all_spellings(params: Any, x: Any) -> Any:
    return n.mlp(*(row.f for row in ALL))(params, x)


def _one_cell_of_all(params: Any, x: Any) -> Any:
    """Apply every spelling in one step of a scan."""

    def step(h: Any, _: Any) -> Any:
        return _all_spellings(params, h @ params["back"]), None

    start = n.dense(params["layers"][0], x) @ params["out"]
    return jax.lax.scan(step, start, None, length=2)[0]


def _images_of_all(params: Any, x: Any) -> Any:
    """Apply every spelling after a convolution of its own, with a residual sum."""
    x = n.conv(x, params["conv1"])
    for row in ALL:
        x = x + row.f(n.conv(x, params["conv2"]))
    return x.mean((1, 2))


DEEP = n.mlp_params(len(ALL)) | {"back": n.leaf(2, 3), "out": n.leaf(4, 2)}
NAMED = [row.kind for row in ALL if row.kind != "identity"]
WRAPPED = {
    "mlp": (_all_spellings, (DEEP, n.X)),
    "loss": (n.squared(_all_spellings), (DEEP, n.X, n.Y)),
    "jit": (jax.jit(_all_spellings), (DEEP, n.X)),
    "vmap": (jax.vmap(_all_spellings, in_axes=(None, 0)), (DEEP, n.X[:, None])),
    "grad": (jax.grad(n.squared(_all_spellings)), (DEEP, n.X, n.Y)),
    "remat": (jax.checkpoint(_all_spellings), (DEEP, n.X)),
    "value_and_grad of jit of remat": (
        jax.value_and_grad(jax.jit(jax.checkpoint(n.squared(_all_spellings)))), (DEEP, n.X, n.Y),
    ),
    "scan": (_one_cell_of_all, (DEEP, n.X)),
    "residual cnn": (_images_of_all, (n.CNN, n.IMAGES)),
}  # fmt: skip


@pytest.mark.parametrize(("f", "args"), WRAPPED.values(), ids=WRAPPED)
def test_every_spelling_is_found_in_every_context(f, args):
    sites = tap.sites(f, *args)
    assert [s.kind for s in sites] == NAMED
    params = [row.params for row in ALL if row.kind != "identity"]
    assert [pytest.approx(p, rel=1e-5) for p in params] == [s.params for s in sites]
    _adds_up(sites)


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


MANY = pytest.mark.thorough("the default tests have each context; tests/tap/fuzz has the rest")
NUMBERS = [
    pytest.param(case, id=case.name, marks=[] if case in (*CONTEXTS, *PRECISIONS) else [MANY])
    for case in CASES
]


# With 256-bit vectors (AVX2), JAX 0.12 adds the decay 2λw to the small product of the weight's
# gradient in one rounding in the one program and in two in the other: one element of 16 is off.
FUSED_APART = {"loss: decayed": 1}


@pytest.mark.parametrize("case", NUMBERS)
def test_tapped_value_and_gradient_are_the_original_s(case):
    """Both run in one program, where XLA computes equal equations once and fuses them alike."""
    f, args = case.build()
    run = Both(f, args, smooth=case.smooth)
    left, (right, seen) = jax.jit(lambda arrays: (run.original(arrays), run.tapped(arrays)))(
        run.arrays
    )
    _same(right, left, FUSED_APART.get(case.name, 0))
    assert len(seen) == len(case.expected)


# In units of eps times the largest element of each array. XLA rounds a product that goes into a sum
# once with it, and on its own if it is handed out as well. The bias's gradient of the last row adds
# up five numbers that nearly cancel, each off by one rounding.
SEPARATE = {
    "relu in each spelling": 0,
    "cnn, channels first": 2,
    "swiglu": 0,
    "remat": 0,
    "gru": 0,
    "linen mlp": 0,
    "sinusoidal embedding of the time": 3,
}


@pytest.mark.parametrize("case", some([c for c in CASES if c.name in SEPARATE], 3), ids=_id)
def test_compiled_apart_they_still_agree(case):
    """XLA may fuse the two programs differently: the results they share then differ by rounding."""
    f, args = case.build()
    run = Both(f, args, smooth=case.smooth)
    tapped, _ = jax.jit(run.tapped)(run.arrays)
    _same(tapped, jax.jit(run.original)(run.arrays), SEPARATE[case.name])


class Both:
    """A function and its tapped form, both of the arrays among its arguments."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], *, smooth: bool) -> None:
        self._f, self._smooth = f, smooth
        self._leaves, self._tree = jax.tree.flatten(args)
        self._places = [i for i, x in enumerate(self._leaves) if isinstance(x, ARRAYS)]
        self.arrays = [self._leaves[i] for i in self._places]
        first = len(jax.tree.leaves(args[0]))
        self._own = sum(place < first for place in self._places)

    def _args(self, arrays: Sequence[Any]) -> Any:
        leaves = list(self._leaves)
        for place, array in zip(self._places, arrays, strict=True):
            leaves[place] = array
        return jax.tree.unflatten(self._tree, leaves)

    def _loss(self, *args: Any) -> Any:
        """Weigh and add up every floating result."""
        leaves = [
            y for y in jax.tree.leaves(self._f(*args)) if jnp.issubdtype(y.dtype, jnp.floating)
        ]
        if len(leaves) == 1 and leaves[0].shape == ():
            return leaves[0]
        return sum(_weighted(y) for y in leaves)

    def original(self, arrays: list[Any]) -> Any:
        """Compute value and gradient with JAX alone."""
        value = self._f(*self._args(arrays))
        if not self._smooth:
            return jax.tree.leaves(value)
        rest = arrays[self._own :]
        gradient = jax.value_and_grad(lambda own: self._loss(*self._args([*own, *rest])))
        return jax.tree.leaves((value, gradient(arrays[: self._own])))

    def tapped(self, arrays: list[Any]) -> Any:
        """Compute the same through the tap, which looks at every site."""
        args = self._args(arrays)
        value, seen = tap.record(self._f)(*args)
        if not self._smooth:
            return jax.tree.leaves(value), seen
        run = tap.observed_value_and_grad(
            self._loss, lambda site, act, *ends: ends, lambda site, cotangent: cotangent
        )
        total, gradient, _, back = run(*args)
        return jax.tree.leaves((value, (total, gradient))), {
            k: (seen[k], back.get(k)) for k in seen
        }


ARRAYS = (jax.Array, np.ndarray, float)


def _weighted(y: Any) -> Any:
    weights = np.cos(np.arange(y.size)).reshape(y.shape)
    return jnp.sum(y.astype(jnp.float32) * weights.astype(np.float32))


def _same(got: list[Any], want: list[Any], ulps: int) -> None:
    """Compare arrays: exactly, or within so many ulps of the largest element of each."""
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        if not ulps or not jnp.issubdtype(a.dtype, jnp.floating):
            np.testing.assert_array_equal(a, b)
            continue
        bound = ulps * float(jnp.finfo(a.dtype).eps) * float(jnp.max(jnp.abs(b), initial=0))
        np.testing.assert_allclose(_wide(a), _wide(b), rtol=0, atol=bound)


def _wide(x: Any) -> np.ndarray:
    return np.asarray(x, np.float64)
