"""Does the tap name every entry of the catalogue, called or written out, with its parameters?"""

from collections import Counter
from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

from relu_jax import tap
from relu_jax.activations import CATALOGUE, get
from tests.tap import members
from tests.tap import networks as n
from tests.tap.hand_written import HAND_WRITTEN
from tests.tap.members import FIRST, REST, ROWS, is_among, names

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

PARAMS = {"w": n.leaf(3, 4), "out": n.leaf(4, 2)}
THOROUGH = pytest.mark.thorough("the default tests have each member at two settings")
SETTINGS = [
    *(pytest.param(row, id=row.label) for row in FIRST),
    *(pytest.param(row, id=row.label, marks=THOROUGH) for row in REST),
]
JAX_NN = (
    ("relu", {}, nn.relu),
    ("relu6", {}, nn.relu6),
    ("leaky_relu", {"slope": 0.01}, nn.leaky_relu),
    ("leaky_relu", {"slope": 0.2}, lambda x: nn.leaky_relu(x, 0.2)),
    ("leaky_relu", {"slope": 1 / 3}, lambda x: nn.leaky_relu(x, negative_slope=1 / 3)),
    ("elu", {"alpha": 1}, nn.elu),
    ("elu", {"alpha": 0.3}, lambda x: nn.elu(x, 0.3)),
    ("elu", {"alpha": 2.5}, lambda x: nn.elu(x, alpha=2.5)),
    ("celu", {"alpha": 1}, nn.celu),
    ("celu", {"alpha": 0.3}, lambda x: nn.celu(x, 0.3)),
    ("celu", {"alpha": 2.5}, lambda x: nn.celu(x, alpha=2.5)),
    ("selu", {}, nn.selu),
    ("gelu", {}, lambda x: nn.gelu(x, approximate=False)),
    ("gelu_tanh", {}, nn.gelu),
    ("gelu_tanh", {}, lambda x: nn.gelu(x, approximate=True)),
    ("silu", {"beta": 1}, nn.silu),
    ("silu", {"beta": 1}, nn.swish),
    ("mish", {}, nn.mish),
    ("softplus", {"beta": 1}, nn.softplus),
    ("softplus", {"beta": 3}, lambda x: nn.softplus(3 * x) / 3),
    ("sparse_plus", {}, nn.sparse_plus),
    ("squareplus", {"b": 4}, nn.squareplus),
    ("squareplus", {"b": 0.7}, lambda x: nn.squareplus(x, 0.7)),
    ("squareplus", {"b": 12}, lambda x: nn.squareplus(x, b=12)),
    ("soft_sign", {}, nn.soft_sign),
    ("log_sigmoid", {}, nn.log_sigmoid),
    ("sigmoid", {}, nn.sigmoid),
    ("sparse_sigmoid", {}, nn.sparse_sigmoid),
    ("hard_sigmoid", {}, nn.hard_sigmoid),
    ("hard_silu", {}, nn.hard_silu),
    ("hard_silu", {}, nn.hard_swish),
    ("hard_tanh", {"low": -1, "high": 1}, nn.hard_tanh),
    ("tanh", {}, nn.tanh),
)
# What else jax.nn has, and why it is not above.
NOT_ELEMENTWISE = {
    "dot_product_attention", "get_scaled_dot_general_config", "glu", "log_softmax", "logmeanexp",
    "logsumexp", "one_hot", "scaled_dot_general", "scaled_matmul", "softmax", "standardize",
}  # fmt: skip
NOT_IN_THE_CATALOGUE = {"identity", "initializers", "log1mexp"}


def _sites(f):
    return tap.sites(lambda params, x: f(x @ params["w"]) @ params["out"], PARAMS, n.X)


@cache
def _values():
    return np.array([members.exact(row.act.name, row.act.params) for row in ROWS])


def _same(y):
    """List the rows whose values are y, to 1e-6."""
    apart = np.abs(_values() - y) > 1e-6 * (1 + np.abs(y))
    one_is_nan = np.isnan(_values()) != np.isnan(y)
    return [row.act for row, i in zip(ROWS, (apart | one_is_nan).any(1), strict=True) if not i]


def _refuse_confusion(names, y):
    """Check that the values behind every name are y, to 1e-6 and the digits that are told."""
    for kind, params in names:
        bound = 1e-6 * (1 + np.abs(y)) + members.digits(kind, params)
        off = np.abs(members.exact(kind, params) - y) > bound
        assert not off.any(), (kind, params, members.GRID[off])


def _check(site, act):
    own, whole = names(site)
    assert is_among([*own, *whole], act.name, act.params), (own, whole)
    y = members.exact(act.name, act.params)
    for other in _same(y):
        assert is_among(whole, other.name, other.params), (other, whole)
    _refuse_confusion(whole, y)
    _refuse_confusion(own, members.exact(site.kind, site.params))


@pytest.mark.parametrize("row", SETTINGS)
def test_a_member_that_is_called_is_told_by_all_its_names_and_by_no_other(row):
    (site,) = _sites(row.act)
    _check(site, row.act)


@pytest.mark.thorough("called, the same functions are told in the default tests")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_so_is_its_formula_written_out(row):
    (site,) = _sites(row.written())
    _check(site, row.act)


@pytest.mark.thorough("the formulas of all members are above")
@pytest.mark.standard_promotion("the rows are written as users write them")
@pytest.mark.parametrize("row", HAND_WRITTEN, ids=lambda row: row.label)
def test_so_is_what_people_write(row):
    (site,) = _sites(row.f)
    _check(site, get(row.kind, **row.params))


@pytest.mark.parametrize(("name", "params", "f"), JAX_NN)
def test_so_is_that_of_jax_nn(name, params, f):
    (site,) = _sites(f)
    _check(site, get(name, **params))


def test_every_elementwise_function_of_jax_nn_is_here():
    mine = {name for name, _, _ in JAX_NN} | {"swish", "hard_swish"}
    public = {name for name in vars(nn) if not name.startswith("_")}
    assert public - mine - NOT_ELEMENTWISE - NOT_IN_THE_CATALOGUE == set()


def test_every_member_with_parameters_is_here_at_two_settings():
    rows = Counter(row.act.name for row in FIRST)
    others = [act for act in CATALOGUE if act.name != "identity"]
    assert rows == {act.name: 2 if act.params else 1 for act in others}


def test_another_function_is_noticed():
    (site,) = _sites(nn.silu)
    y = members.exact("silu", {"beta": 1.00001})
    with pytest.raises(AssertionError):
        _refuse_confusion(names(site)[1], y)
    with pytest.raises(AssertionError):
        _check(site, get("silu", beta=1.00002))
    with pytest.raises(AssertionError):
        _check(site._replace(kind="softplus"), get("silu"))


@pytest.mark.parametrize("f", [get("identity"), nn.identity])
def test_a_line_is_no_site(f):
    sites = _sites(f)
    assert not sites
    assert sites.coverage.chains == 0


def test_what_is_written_in_integers_is_no_site():
    assert not _sites(lambda x: jnp.where(x > 0, 1, -1))
