"""Does the tap name every entry of the catalogue, called or written out, with its parameters?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import tap
from tests.activations.cases import CASES, LABELS
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

GRID = np.linspace(-8, 8, 33, dtype=np.float32)
PARAMS = {"w": n.leaf(3, 4), "out": n.leaf(4, 2)}
# The words of the formulas in tests/activations/cases_*.py, as a user would write them.
WORDS = {
    "sigmoid": nn.sigmoid, "softplus": nn.softplus, "Phi": jax.scipy.special.ndtr,
    "clip": jnp.clip,
    "relu": lambda u: jnp.maximum(u, 0), "where": jnp.where, "log": jnp.log, "exp": jnp.exp,
    "tanh": jnp.tanh, "sinh": jnp.sinh, "sqrt": jnp.sqrt, "erf": lax.erf, "sin": jnp.sin,
    "cos": jnp.cos, "atan": jnp.arctan, "asinh": jnp.arcsinh, "Abs": jnp.abs,
    "pi": np.pi,
}  # fmt: skip
# What a formula written out is not, and why.
OTHERWISE = {
    "sign()": "written out it is made of integers, which no float function holds",
    "lif_rate_smooth(rest=-65,threshold=-50,reset=-65,resistance=90,tau=0.03,refractory=0.002,"
    "width=1)": "written out its softplus underflows 720 mV below the threshold",
    "lif_rate_smooth(rest=-65,threshold=-50,reset=-60,resistance=10,tau=0.01,refractory=0.005,"
    "width=2.5)": "written out it has four affine steps before its softplus; three are looked at",
}
JAX_NN = {
    "relu": nn.relu, "relu6": nn.relu6, "leaky_relu": nn.leaky_relu, "elu": nn.elu,
    "celu": nn.celu, "selu": nn.selu, "gelu": lambda x: nn.gelu(x, approximate=False),
    "gelu_tanh": nn.gelu, "silu": nn.silu, "mish": nn.mish, "softplus": nn.softplus,
    "sparse_plus": nn.sparse_plus, "squareplus": nn.squareplus, "soft_sign": nn.soft_sign,
    "log_sigmoid": nn.log_sigmoid, "sigmoid": nn.sigmoid, "sparse_sigmoid": nn.sparse_sigmoid,
    "hard_sigmoid": nn.hard_sigmoid, "hard_silu": nn.hard_silu, "hard_tanh": nn.hard_tanh,
    "tanh": nn.tanh,
}  # fmt: skip


def _sites(f):
    return tap.sites(lambda params, x: f(x @ params["w"]) @ params["out"], PARAMS, n.X)


def _reading(name):
    """Read "elu(alpha=1)" back."""
    kind, _, words = name.rstrip(")").partition("(")
    pairs = (word.split("=") for word in words.split(", ") if word)
    return kind, {k: float(v) for k, v in pairs}


def _names(site):
    """List every name of a site, the one it goes by first."""
    return [(site.kind, site.params), *map(_reading, (*site.also, *site.scaled))]


def _is_told(site, act):
    return any(
        kind == act.name and params == pytest.approx(act.params, rel=1e-5, abs=1e-5)
        for kind, params in _names(site)
    )


def _written(case):
    """Build the formula of a case as a program of its own."""
    code = compile(case.formula, case.label, "eval")
    return lambda x: eval(code, {}, {"x": x, **WORDS, **case.act.params})


ROWS = [case for case in CASES if case.act.name != "identity"]


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.label)
def test_an_entry_that_is_called_is_told_by_its_name_and_by_no_other_function_s(case):
    (site,) = _sites(case.act)
    assert _is_told(site, case.act), _names(site)
    values = np.asarray(case.act(GRID), np.float64)
    names = [] if site.scaled else [kind for kind, _ in _names(site)]
    for other in (row.act for row in ROWS if row.act.name in names):
        if _is_told(site, other):
            np.testing.assert_allclose(other(GRID), values, rtol=1e-5, atol=1e-5)


@pytest.mark.thorough("called, the same functions are told in the default tests")
@pytest.mark.parametrize(
    "case", [row for row in ROWS if row.label not in OTHERWISE], ids=lambda case: case.label
)
def test_so_is_its_formula_written_out(case):
    (site,) = _sites(_written(case))
    assert _is_told(site, case.act), _names(site)


def test_what_is_told_otherwise_is_a_row():
    assert OTHERWISE.keys() <= set(LABELS)


@pytest.mark.parametrize("name", JAX_NN)
def test_so_is_that_of_jax_nn(name):
    (site,) = _sites(JAX_NN[name])
    assert name in [kind for kind, _ in _names(site)]
