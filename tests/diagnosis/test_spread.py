"""Do several devices count what one counts, and does a mesh that does not fit say so?"""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import relu_jax as rj
from relu_jax.core.errors import DataError
from relu_jax.diagnosis import inputs, spread
from tests.diagnosis import networks

LOSS = networks.mlp_loss(jax.nn.relu)
PARAMS = networks.start([24, 16, 16, 10])
ONE = jax.make_mesh((1,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))


def numbers(d):
    return [(r.rms_pre, r.rms_post, r.rms_d_pre) for r in d.sites.values()]


def test_a_mesh_of_one_device_is_that_device():
    batches = networks.gaussian(20, 2, 24)
    one, meshed = (rj.diagnose(LOSS, PARAMS, batches, mesh=mesh) for mesh in (None, ONE))
    assert networks.counts(one) == networks.counts(meshed)
    np.testing.assert_allclose(numbers(one), numbers(meshed), rtol=1e-6)
    assert one.loss == pytest.approx(meshed.loss, rel=1e-6)


@pytest.mark.thorough("it starts a process of eight devices, and compiles for them")
def test_on_eight_devices():
    checks = Path(__file__).with_name("eight_devices.py")
    env = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", checks],
        env=env, cwd=checks.parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("mesh", [8, "data", jax.devices()])
def test_what_is_no_mesh_is_refused(mesh):
    with pytest.raises(TypeError, match=r"jax\.sharding\.Mesh of devices; got .*make_mesh"):
        spread.check(mesh)


def test_devices_that_do_not_divide_a_batch_are_told():
    (batch,) = inputs.stream(networks.gaussian(20, 1, 24))
    mesh = jax.sharding.Mesh(np.asarray(jax.devices() * 8), ("data",))
    with pytest.raises(DataError, match="20 examples in batch 0 for 8 devices; cut batches"):
        spread.split(batch, mesh)
