"""Does the tap work inside `shard_map`, and with eight devices?"""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

import relu_jax as rj


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


def test_a_shard_map_is_entered():
    alone = jax.make_mesh((1,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    f = jax.shard_map(nn.relu6, mesh=alone, in_specs=jax.P("data"), out_specs=jax.P("data"))
    x = jnp.array([-1.0, 2.0, 7.0])
    (site,) = rj.tap.sites(f, x)
    assert (site.kind, site.slope_at_kinks, site.loops) == ("relu6", (0.0, 0.0), (1,))
    y, seen = jax.jit(rj.tap.record(f))(x)
    np.testing.assert_array_equal(y, nn.relu6(x))
    np.testing.assert_array_equal(seen[site.id].pre, x[None])
    _, back = rj.tap.cotangents(lambda x: jnp.sum(3 * f(x)))(x)
    np.testing.assert_array_equal(back[site.id].d_pre, [[0.0, 3.0, 0.0]])
