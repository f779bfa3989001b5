"""Is what is merged what one diagnosis of all the data is, and is the rest refused?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import relu_jax as rj
from relu_jax.core.strict_json import to_json
from tests.diagnosis import networks
from tests.diagnosis.networks import gaussian, mlp_loss, start

pytestmark = pytest.mark.leaks_unchecked(
    "it retraces every primitive; tests/diagnosis/test_diagnose.py runs under it"
)
SIZES = [64, 24, 20, 10]
LOSS = mlp_loss(jax.nn.relu)
PARAMS = networks.replaced(start(SIZES), 1, "b", jnp.linspace(-4.0, 1.0, 20))


def diagnosed(batches, params=PARAMS, loss=LOSS, **settings):
    return rj.diagnose(loss, params, batches, mergeable=True, **settings)


def same(merged, whole):
    """Compare all but the provenance: floats to single roundings."""
    assert networks.counts(merged) == networks.counts(whole)
    assert merged.loss == pytest.approx(whole.loss, rel=1e-6)
    assert (merged.n_batches, merged.n_examples) == (whole.n_batches, whole.n_examples)
    assert [f[:3] for f in merged.findings] == [f[:3] for f in whole.findings]
    for one, other in zip(merged.sites.values(), whole.sites.values(), strict=True):
        numbers = ("rms_pre", "rms_post", "rms_d_pre", "rms_d_post", "norm_d_pre")
        for name in numbers:
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-6)
        assert (one.hist_pre, one.hist_d_pre) == (other.hist_pre, other.hist_d_pre)
        assert one.site == other.site
    for one, other in zip(merged.parameters, whole.parameters, strict=True):
        assert one[:4] == other[:4]
        assert one.rms_grad == pytest.approx(other.rms_grad, rel=1e-5)
        assert one[6:] == other[6:]


def test_two_halves_are_the_whole():
    batches = gaussian(40, 4)
    whole = rj.diagnose(LOSS, PARAMS, batches)
    assert whole.sums is None
    same(rj.diagnosis.merge(diagnosed(batches[:1]), diagnosed(batches[1:])), whole)


def test_merging_is_associative_and_one_alone_is_itself():
    one, two, three = (diagnosed([batch]) for batch in gaussian(40, 3))
    merge = rj.diagnosis.merge
    same(merge(merge(one, two), three), merge(one, merge(two, three)))
    same(merge(one), one)


def test_parts_are_merged_from_files(tmp_path):
    batches = gaussian(40, 2)
    for i, batch in enumerate(batches):
        diagnosed([batch]).save(tmp_path / f"part{i}.json")
    parts = [rj.diagnosis.load(tmp_path / f"part{i}.json") for i in range(2)]
    same(rj.diagnosis.merge(*parts), rj.diagnose(LOSS, PARAMS, batches))


def test_batches_of_other_sizes_merge():
    small, large = gaussian(8, 1), gaussian(40, 1)
    same(
        rj.diagnosis.merge(diagnosed(small), diagnosed(large)),
        rj.diagnose(LOSS, PARAMS, [*small, *large]),
    )


def test_where_nan_came_first_is_counted_over_all_batches():
    batches = gaussian(40, 3)
    batches[2][0][0, 0] = np.nan
    merged = rj.diagnosis.merge(diagnosed(batches[:2]), diagnosed(batches[2:]))
    whole = rj.diagnose(LOSS, PARAMS, batches)
    assert merged.findings[0].kind == "non_finite"
    assert to_json(merged.findings[0]._asdict()) == to_json(whole.findings[0]._asdict())


def test_branches_and_loops_merge(tmp_path):
    def loss(params, batch):
        x, deep = batch

        def layer(h, w):
            return jnp.tanh(h @ w), None

        h, _ = jax.lax.scan(layer, x, params["layers"])
        h = jax.lax.cond(deep, lambda h: jax.nn.relu(h @ params["w"]), lambda h: h, h)
        return jnp.mean(h**2)

    params = {"layers": jnp.stack([jnp.eye(6), 2 * jnp.eye(6)]), "w": jnp.eye(6)}
    x = jnp.linspace(-1, 1, 30).reshape(5, 6)
    batches = [(x, jnp.asarray(True)), (2 * x, jnp.asarray(False))]
    parts = [diagnosed([batch], params, loss) for batch in batches]
    parts[0].save(tmp_path / "d.json")
    merged = rj.diagnosis.merge(rj.diagnosis.load(tmp_path / "d.json"), parts[1])
    same(merged, rj.diagnose(loss, params, batches))


def test_full_depth_is_that_of_the_first():
    batches = gaussian(40, 2)
    deep = diagnosed(batches[1:], depth="full")
    merged = rj.diagnosis.merge(diagnosed(batches[:1]), deep)
    assert merged.depth is deep.depth


REFUSED = {
    "other values": (
        lambda b: diagnosed(b, networks.scaled(PARAMS, 1, 1.5)), "as values of parameter 3"
    ),
    "other signs": (
        lambda b: diagnosed(b, jax.tree.map(jnp.negative, PARAMS)), "as values of parameter 0"
    ),
    "other shapes": (lambda b: diagnosed(b, start([64, 24, 24, 10])), "as parameter 2"),
    "another activation": (lambda b: diagnosed(b, loss=mlp_loss(jnp.tanh)), "as site 0"),
    "more layers": (lambda b: diagnosed(b, start([64, 24, 20, 20, 10])), "as site 2 none at first"),
    "other sites": (lambda b: diagnosed(b, only="params/1"), "as measured site 0"),
    "no sums": (lambda b: rj.diagnose(LOSS, PARAMS, b), "mergeable=True"),
}  # fmt: skip


@pytest.mark.parametrize(("other", "words"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_belong_together_is_refused(other, words):
    batches = gaussian(40, 1)
    with pytest.raises(ValueError, match=words):
        rj.diagnosis.merge(diagnosed(batches), other(batches))


def test_what_is_no_diagnosis_is_refused():
    one = diagnosed(gaussian(40, 1))
    with pytest.raises(TypeError, match=r"got list .* at 0; .* unpack a list: merge\(\*all\)"):
        rj.diagnosis.merge([one, one])
    with pytest.raises(ValueError, match="one or more diagnoses are merged; got none"):
        rj.diagnosis.merge()
