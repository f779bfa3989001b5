"""Do selectors mean the sites they say, and tell clearly when they mean none?"""

import jax.numpy as jnp
import pytest
from jax import nn

from relu_jax import tap
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

MODEL = n.mlp(nn.relu, jnp.tanh, nn.relu)
PARAMS = n.mlp_params(3)
SITES = tap.sites(MODEL, PARAMS, n.X)


def _meant(what):
    return [site.id for site in tap.select(what)(SITES)]


@pytest.mark.parametrize(
    ("what", "ids"),
    [
        ("layers/1", ["layers/1"]),
        ("relu", ["layers/0", "layers/2"]),
        (r"layers/[12]/", ["layers/1", "layers/2"]),
        (lambda site: site.kind == "tanh", ["layers/1"]),
        (tap.select("relu") & "layers/0", ["layers/0"]),
        (tap.select("tanh") | "layers/2", ["layers/1", "layers/2"]),
        (~tap.select("relu"), ["layers/1"]),
        (~(tap.select("relu") & ~tap.select("layers/0")), ["layers/0", "layers/1"]),
        ("lu", []),
    ],
)
def test_a_selector_means_the_sites_it_says(what, ids):
    assert _meant(what) == ids


def test_a_selector_says_what_it_is():
    words = (tap.select("relu") & ~tap.select("layers/0") | "tanh").words
    assert words == "(('relu' & ~'layers/0') | 'tanh')"


def test_an_id_with_special_characters_is_taken_as_it_is():
    (site,) = tap.sites(jnp.tanh, n.X)
    assert site.id == "site#1"
    _, seen = tap.record(jnp.tanh, "site#1")(n.X)
    assert list(seen) == ["site#1"]


def test_a_broken_pattern_is_refused():
    with pytest.raises(ValueError, match=r"a regular expression .*; got '\[' .*; escape special"):
        tap.select("[")


def test_a_selector_that_means_no_site_lists_the_nearest():
    with pytest.raises(
        ValueError,
        match=r"means at least one site; got 'layer/1', .* 3 sites is; try one of the ids layers/1",
    ):
        tap.record(MODEL, "layer/1")(PARAMS, n.X)


def test_a_selector_on_a_function_without_sites_is_refused():
    with pytest.raises(ValueError, match=r"none of 0 sites is; print rj\.tap\.sites"):
        tap.record(lambda x: x + 1, "relu")(n.X)


def test_an_id_means_one_site_though_others_begin_alike():
    deep, params = n.mlp(*[nn.relu] * 11), n.mlp_params(11)
    sites = tap.sites(deep, params, n.X)
    assert [s.id for s in tap.select("layers/1")(sites)] == ["layers/1"]
    assert [s.id for s in tap.select("layers/1$|layers/1/")(sites)] == ["layers/1"]
    assert list(tap.record(deep, "layers/1")(params, n.X)[1]) == ["layers/1"]


def test_of_one_weight_s_two_sites_the_first_can_be_meant_alone():
    sites = tap.sites(
        lambda w, x: nn.relu(x @ w) @ w.T + nn.relu(x @ w + 1) @ w.T, n.leaf(3, 4), n.X
    )
    assert [s.id for s in sites] == ["w", "w#2"]
    assert [s.id for s in tap.select("w")(sites)] == ["w"]


def test_a_kind_is_not_looked_for_in_paths():
    def model(relu_net, x):
        return jnp.tanh(nn.relu(x @ relu_net["a"]) @ relu_net["b"])

    sites = tap.sites(model, {"a": n.leaf(3, 4), "b": n.leaf(4, 4)}, n.X)
    assert [s.kind for s in tap.select("relu")(sites)] == ["relu"]
    assert [s.kind for s in tap.select("relu_net/b")(sites)] == ["tanh"]


def test_a_slip_of_the_pen_is_told_the_kind():
    with pytest.raises(ValueError, match=r"got 'rellu', which none of 3 .* kinds relu, tanh$"):
        tap.record(MODEL, "rellu")(PARAMS, n.X)


@pytest.mark.parametrize("what", [(), ["layers/0", "layers/1"], 3])
def test_what_is_no_selector_is_refused(what):
    with pytest.raises(TypeError, match=r"an id, a kind, .*; got .*; combine several with \|"):
        tap.record(MODEL, what)(PARAMS, n.X)


def test_the_nearest_ids_are_told_apart_from_the_kinds_that_are_there():
    deep, params = n.mlp(nn.relu, jnp.tanh, nn.relu, nn.relu), n.mlp_params(4)
    words = r"ids layers/0, layers/1, layers/2 or of the kinds relu, tanh$"
    with pytest.raises(ValueError, match=words):
        tap.record(deep, "layers/9")(params, n.X)


def test_an_empty_text_is_refused():
    with pytest.raises(ValueError, match=r"a selector is .*; got an empty text; write"):
        tap.record(MODEL, "")(PARAMS, n.X)
    with pytest.raises(ValueError, match="an empty text"):
        tap.select("relu") & ""


def test_a_pattern_that_fits_everything_means_sites_without_a_path_too():
    def model(w, x):
        return jnp.sin(nn.relu(x) @ w)

    _, seen = tap.record(model, ".*")(jnp.ones((3, 2)), n.X)
    assert list(seen) == ["site#1", "w"]


def test_a_test_that_fails_is_told_with_its_site():
    with pytest.raises(AttributeError) as raised:
        tap.record(MODEL, lambda site: site.width > 3)(PARAMS, n.X)
    assert any("raised in selector <lambda> at" in note for note in raised.value.__notes__)


def test_a_test_takes_a_site():
    with pytest.raises(
        TypeError, match=r"or a test; got .* takes \(\); pass a function, .* site: …"
    ):
        tap.record(MODEL, lambda: True)(PARAMS, n.X)
