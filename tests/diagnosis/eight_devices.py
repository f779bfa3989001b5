"""Do eight devices count what one counts?

Run by test_spread.py in a process of its own, which has eight devices.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import relu_jax as rj
from relu_jax.core.errors import DataError
from tests.diagnosis import networks

pytestmark = pytest.mark.leaks_unchecked("tests/diagnosis/test_spread.py runs under it")

AUTO, EXPLICIT = jax.sharding.AxisType.Auto, jax.sharding.AxisType.Explicit
MESHES = {
    "one axis": ((8,), ("data",), (AUTO,)),
    "two axes": ((4, 2), ("data", "model"), (AUTO, AUTO)),
    "explicit": ((8,), ("data",), (EXPLICIT,)),
}
PARAMS = networks.start([24, 16, 16, 10])
BATCHES = networks.gaussian(40, 2, 24)


def looped(params, batch):
    """Read the batch step by step, and normalise over it."""
    x, labels = batch
    h = jnp.zeros((len(x), 16))

    def step(h, x):
        h = jnp.tanh(h @ params[1]["w"] + jnp.broadcast_to(x[:, None], h.shape))
        return (h - h.mean(0)[None]) / jnp.sqrt(h.var(0) + 1e-5)[None], None

    h, _ = lax.scan(step, h, x.T[:4])
    return networks.cross_entropy(h @ params[2]["w"], labels)


def numbers(d):
    return [(r.rms_pre, r.rms_post, r.rms_d_pre) for r in d.sites.values()]


@pytest.mark.parametrize("mesh", MESHES.values(), ids=MESHES)
@pytest.mark.parametrize(
    "loss", [networks.mlp_loss(jax.nn.relu), looped], ids=["relu", "recurrent"]
)
def test_counts_are_those_of_one_device(mesh, loss):
    shape, names, types = mesh
    devices = jax.make_mesh(shape, names, axis_types=types)
    one, eight = (rj.diagnose(loss, PARAMS, BATCHES, mesh=m) for m in (None, devices))
    assert networks.counts(one) == networks.counts(eight)
    assert [r.hist_pre for r in one.sites.values()] == [r.hist_pre for r in eight.sites.values()]
    np.testing.assert_allclose(numbers(one), numbers(eight), rtol=1e-5)
    assert one.loss == pytest.approx(eight.loss, rel=1e-6)
    assert [f.kind for f in one.findings] == [f.kind for f in eight.findings]


def test_parameters_that_lie_on_one_device_are_moved():
    params = jax.device_put(PARAMS, jax.devices()[3])
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AUTO,))
    d = rj.diagnose(networks.mlp_loss(jax.nn.relu), params, BATCHES, mesh=mesh)
    assert d.n_examples == 80


def test_devices_that_do_not_divide_a_batch_are_told():
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AUTO,))
    batches = [*BATCHES[:1], *networks.gaussian(42, 1, 24)]
    with pytest.raises(DataError, match="42 examples in batch 1 for 8 devices"):
        rj.diagnose(networks.mlp_loss(jax.nn.relu), PARAMS, batches, mesh=mesh)


def test_a_monitored_step_counts_what_one_device_counts():
    loss = networks.mlp_loss(jax.nn.relu)
    step = jax.jit(rj.monitor.value_and_grad(loss))
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AUTO,))
    rows = jax.sharding.NamedSharding(mesh, jax.P("data"))
    everywhere = jax.sharding.NamedSharding(mesh, jax.P())
    (_, one), _ = step(PARAMS, BATCHES[0])
    (_, eight), _ = step(jax.device_put(PARAMS, everywhere), jax.device_put(BATCHES[0], rows))
    for name, site in one.sites.items():
        other = eight.sites[name]
        assert np.array_equal(site.active, other.active)
        assert float(site.zeros) == float(other.zeros)
        assert float(site.rms_d_pre) == pytest.approx(float(other.rms_d_pre), rel=1e-5)
