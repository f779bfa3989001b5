"""Do sites and coverage print as a reader expects?"""

import copy

import jax.numpy as jnp
import pytest
from jax import lax, nn

from relu_jax import tap
from relu_jax.tap import Coverage, Sites
from tests.tap import contexts as c
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)


def test_sites_print_as_a_table_with_the_coverage_below():
    sites = tap.sites(n.mlp(nn.leaky_relu, jnp.tanh), n.P, n.X)
    header, first, second, coverage = str(sites).splitlines()
    assert header.split() == [
        "id",
        "kind",
        "slope",
        "at",
        "kinks",
        "shape",
        "dtype",
        "unit",
        "axes",
        "count",
        "source",
    ]
    assert first.split()[:-1] == [
        "layers/0",
        "leaky_relu(slope=0.01)",
        "1",
        "5×4",
        "float32",
        "1",
        "1",
    ]
    assert second.split()[:4] == ["layers/1", "tanh", "–", "5×4"]
    assert header.index("shape") == first.index("5×4") == second.index("5×4")
    assert coverage == "2 elementwise chains: 2 recognised, 0 unknown; nothing opaque"


def test_a_scalar_and_a_loop_are_told():
    def f(x):
        return lax.scan(lambda h, _: (jnp.tanh(h), None), x, None, length=7)[0]

    row = str(tap.sites(f, jnp.float32(1))).splitlines()[1].split()
    assert row[3] == "scalar"
    assert row[6] == "7"


def test_no_site_is_a_table_without_rows():
    sites = tap.sites(lambda x: x + 1, n.X)
    assert len(sites) == 0
    assert len(str(sites).splitlines()) == 2


@pytest.mark.parametrize(
    ("coverage", "words"),
    [
        (
            Coverage(0, 0, 0, {}, ()),
            "0 elementwise chains: 0 recognised, 0 unknown; nothing opaque",
        ),
        (
            Coverage(9, 3, 1, {"softmax": 2, "loss": 3}, ("while at a.py:3", "cond")),
            "9 elementwise chains: 3 recognised, 1 unknown, 3 loss, 2 softmax; "
            "opaque: while at a.py:3, cond",
        ),
    ],
)
def test_coverage_is_one_sentence(coverage, words):
    assert str(coverage) == words


def test_what_is_opaque_is_named_with_its_line():
    (name,) = tap.sites(c.by_platform, n.P, n.X).coverage.opaque
    assert name.startswith("cond at contexts.py:")


def test_the_table_tells_what_may_not_run():
    assert "at most 1" in str(tap.sites(c.branches, n.P, n.X)).splitlines()[2]
    sites = tap.sites(c.while_loop, n.P, n.X)
    assert [site.may_not_run for site in sites] == [False, True]
    assert "  while  " in str(sites).splitlines()[2]


def test_sites_are_a_tuple_that_carries_its_statement():
    sites = tap.sites(n.mlp(nn.relu, nn.relu), n.P, n.X)
    assert isinstance(sites, tuple)
    assert isinstance(sites, Sites)
    assert sites[0].id == "layers/0"
    assert [one.path for one in sites.linear] == [f"params/layers/{i}/w" for i in range(3)]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
def test_sites_can_be_copied_and_stored(again):
    sites = tap.sites(n.mlp(nn.relu, jnp.tanh), n.P, n.X)
    other = again(sites)
    assert (other, other.coverage, other.linear) == (sites, sites.coverage, sites.linear)
    assert type(other) is Sites


def test_an_id_is_in_the_sites():
    sites = tap.sites(n.mlp(nn.relu, jnp.tanh), n.P, n.X)
    assert sites[0].id in sites
    assert sites[0] in sites
    assert "nowhere" not in sites


def test_a_site_is_looked_up_by_its_id_or_by_its_place():
    sites = tap.sites(n.mlp(nn.relu, jnp.tanh), n.P, n.X)
    assert sites["layers/1"].kind == sites[1].kind == sites[-1].kind == "tanh"
    assert sites[:1] == (sites["layers/0"],)
    with pytest.raises(KeyError, match=r"got 'layer/0', which none of 2 .*try one of layers/0"):
        sites["layer/0"]
    with pytest.raises(KeyError, match="none of 0 sites has; print"):
        tap.sites(lambda x: x + 1, n.X)["relu"]
    with pytest.raises(IndexError):
        sites[2]
    with pytest.raises(TypeError):
        sites[1.0]
