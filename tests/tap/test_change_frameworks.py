"""Are models of Flax and Equinox changed unedited, with results of the same structure?"""

import jax
import pytest

from relu_jax import tap
from tests.sampling import some
from tests.tap import frameworks as fw
from tests.tap import networks as n

pytestmark = [
    pytest.mark.leaks_unchecked("it collects garbage at every trace: test_change.py has it"),
    pytest.mark.standard_promotion("models as users write them"),
]

FRAMEWORKS = {
    "linen": lambda: fw.linen_model(fw.LinenCnn(), n.IMAGES),
    "linen scan": lambda: fw.linen_model(fw.LinenStack(), n.X),
    "nnx": fw.nnx_direct,
    "nnx with state": fw.nnx_cnn,
    "equinox": fw.equinox_mlp,
    "equinox gru": fw.equinox_gru,
}


@pytest.mark.parametrize("build", some(FRAMEWORKS.values(), 2, list(FRAMEWORKS)))
def test_models_of_frameworks_are_changed_unedited(build):
    def kinds_of(f):
        return [site.kind for site in tap.sites(f, *args)]

    f, args = build()
    kinds = kinds_of(f)
    changed = tap.swap(f, {tap.select(kinds[0]): "mish"})
    assert kinds_of(changed) == ["mish" if k == kinds[0] else k for k in kinds]
    before, after = f(*args), changed(*args)
    assert jax.tree.structure(before) == jax.tree.structure(after)
    for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
