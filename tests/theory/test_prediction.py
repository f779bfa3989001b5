"""Do predictions solve the differential equation of training, and equal those of networks?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import linalg

from relu_jax.activations import get
from relu_jax.theory.nngp import ntk
from relu_jax.theory.prediction import Kernels, gradient_flow, posterior, trained

pytestmark = pytest.mark.thorough("quadratures in the plane, wide networks: minutes")

N, M = 4, 3
Y = np.random.default_rng(11).standard_normal((N, 2))


def kernels(seed):
    """Return a random positive kernel of all N + M inputs, and its parts."""
    a = np.random.default_rng(seed).standard_normal((N + M, N + M + 2))
    whole = a @ a.T
    return whole, Kernels(*map(jnp.array, (whole[:N, :N], whole[N:, :N], whole[N:, N:])))


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def flow(theta, time):
    """Solve df/dt = -Θ(·, X)(f(X) - Y) for all inputs at once: f_t = P f_0 + Q Y."""
    system = np.zeros((2 * N + M, 2 * N + M))
    system[: N + M, :N] = -theta[:, :N]
    system[: N + M, N + M :] = theta[:, :N]
    step = linalg.expm(time * system)
    return step[: N + M, : N + M], step[: N + M, N + M :]


@pytest.mark.parametrize("time", [0.0, 1e-3, 0.3, 50.0])
def test_outputs_follow_the_differential_equation(time):
    theta, parts = kernels(1)
    f0 = np.random.default_rng(12).standard_normal((N + M, 2))
    carried, driven = flow(theta, time)
    start = (jnp.array(f0[:N]), jnp.array(f0[N:]))
    got = gradient_flow(parts.train, parts.cross, jnp.array(Y), time=time, start=start)
    np.testing.assert_allclose(got, (carried @ f0 + driven @ Y)[N:], rtol=1e-9, atol=1e-11)
    mean = gradient_flow(parts.train, parts.cross, jnp.array(Y), time=time)
    np.testing.assert_allclose(mean, (driven @ Y)[N:], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("time", [0.02, 1.0])
def test_covariance_is_that_of_the_prior_carried_along(time):
    theta, tangent = kernels(1)
    k, prior = kernels(2)
    carried, driven = flow(theta, time)
    got = trained(tangent, prior, jnp.array(Y), time=time)
    np.testing.assert_allclose(got.mean, (driven @ Y)[N:], rtol=1e-9)
    expected = (carried @ k @ carried.T)[N:, N:]
    np.testing.assert_allclose(got.covariance, expected, rtol=1e-9, atol=1e-9)


def test_at_the_end_training_inputs_have_their_targets_and_no_variance():
    _, tangent = kernels(1)
    _, prior = kernels(2)
    ends = [Kernels(part.train, part.train, part.train) for part in (tangent, prior)]
    got = trained(*ends, jnp.array(Y))
    np.testing.assert_allclose(got.mean, Y, rtol=1e-10)
    np.testing.assert_allclose(got.covariance, 0, atol=1e-10)
    late = gradient_flow(tangent.train, tangent.cross, jnp.array(Y), time=1e6)
    end = gradient_flow(tangent.train, tangent.cross, jnp.array(Y), time=jnp.inf)
    np.testing.assert_allclose(late, end, rtol=1e-12)


@pytest.mark.parametrize("noise", [0.0, 0.7])
def test_the_posterior_is_that_of_a_normal_distribution(noise):
    k, prior = kernels(3)
    got = posterior(prior, jnp.array(Y), noise=noise)
    weights = np.linalg.solve(k[:N, :N] + noise * np.eye(N), k[:N, N:]).T
    np.testing.assert_allclose(got.mean, weights @ Y, rtol=1e-9)
    np.testing.assert_allclose(got.covariance, k[N:, N:] - weights @ k[:N, N:], rtol=1e-9)


def test_training_the_last_layer_alone_ends_in_the_posterior():
    _, prior = kernels(3)
    got, expected = trained(prior, prior, jnp.array(Y)), posterior(prior, jnp.array(Y))
    np.testing.assert_allclose(got.mean, expected.mean, rtol=1e-10)
    np.testing.assert_allclose(got.covariance, expected.covariance, rtol=1e-9)


def test_an_input_that_is_given_twice_is_no_division_by_zero():
    ones = jnp.ones((2, 2))
    got = gradient_flow(ones, ones[:1], jnp.array([[1.0], [3.0]]))
    np.testing.assert_allclose(got, [[2.0]], rtol=1e-12)
    none = gradient_flow(0 * ones, ones[:1], jnp.ones((2, 1)))
    assert none[0, 0] == 0


def test_time_is_traced_and_differentiated():
    _, parts = kernels(1)

    def output(time):
        return gradient_flow(parts.train, parts.cross, jnp.array(Y), time=time)[0, 0]

    speed = jax.jit(jax.grad(output))(0.0)
    np.testing.assert_allclose(speed, parts.cross[0] @ Y[:, 0], rtol=1e-10)


def test_a_negative_time_or_noise_is_refused():
    _, parts = kernels(1)
    with pytest.raises(ValueError, match=r"time"):
        gradient_flow(parts.train, parts.cross, jnp.array(Y), time=-1.0)
    with pytest.raises(ValueError, match=r"noise"):
        posterior(parts, jnp.array(Y), noise=-1.0)


def test_a_wide_network_trains_as_predicted():
    x = jnp.float32(np.random.default_rng(1).standard_normal((3, 5)))
    y = jnp.float32([[1.0], [-1.0]])
    width, rate, steps = 2048, 0.05, 40
    keys = jax.random.split(jax.random.key(2))
    params = [
        jax.random.normal(keys[0], (5, width), "float32"),
        jax.random.normal(keys[1], (width, 1), "float32"),
    ]

    def outputs(params):
        hidden = get("relu")(x @ params[0] * np.float32(np.sqrt(2 / 5)))
        return hidden @ params[1] * np.float32(np.sqrt(2 / width))

    def loss(params):
        return jnp.sum((outputs(params)[:2] - y) ** 2) / 2

    @jax.jit
    def train(params):
        def step(_, params):
            return jax.tree.map(lambda p, g: p - rate * g, params, jax.grad(loss)(params))

        return outputs(params), outputs(jax.lax.fori_loop(0, steps, step, params))

    before, after = train(params)
    theta = ntk(get("relu"), x, depth=1, weight_std=np.sqrt(2).item())
    start = (before[:2], before)
    got = gradient_flow(theta[:2, :2], theta[:, :2], y, time=rate * steps, start=start)
    moved = float(jnp.abs(after - before).max())
    # The kernel of a finite network is off by a few parts of 1/sqrt(width).
    assert float(jnp.abs(got - after).max()) < 5 / np.sqrt(width) * moved
    assert moved > 0.5


@pytest.mark.parametrize("time", [0.7, np.inf])
@pytest.mark.parametrize("values", [(1, 1, 1, 2), (1, 1, 0, 3)])
def test_equal_eigenvalues_have_a_gradient(values, time):
    rng = np.random.default_rng(5)
    basis = np.linalg.qr(rng.standard_normal((N, N)))[0]
    kernel, turn = basis * np.float64(values) @ basis.T, rng.standard_normal((N, N)) / 10
    _, parts = kernels(1)

    def output(step):  # moves kernels on to others of the same rank
        moved = jnp.eye(N) + step * turn
        return gradient_flow(moved @ kernel @ moved.T, parts.cross, jnp.array(Y), time=time)

    slope = jax.jit(jax.jacfwd(output))(0.0)
    difference = (output(1e-5) - output(-1e-5)) / 2e-5
    np.testing.assert_allclose(slope, difference, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("inf", [np.float32(np.inf), np.float64(np.inf), np.array(np.inf)])
def test_every_infinity_is_the_end_of_training(inf):
    _, parts = kernels(1)
    end = gradient_flow(parts.train, parts.cross, jnp.array(Y))
    np.testing.assert_array_equal(
        gradient_flow(parts.train, parts.cross, jnp.array(Y), time=inf), end
    )


def test_what_does_not_fit_is_refused():
    _, parts = kernels(1)
    y = jnp.array(Y)
    uneven = parts.train.at[0, 1].add(9.0)
    for call, words in (
        (lambda: posterior(parts, y, noise=jnp.ones(2)), "noise is one number"),
        (lambda: gradient_flow(parts.train, parts.cross, y, time=jnp.ones(2)), "time is one num"),
        (lambda: gradient_flow(parts.train, parts.cross, y, time=np.nan), "at least 0; got nan"),
        (lambda: gradient_flow(uneven, parts.cross, y), "symmetric; got entries that differ by 9 "),
        (lambda: gradient_flow(parts.train, parts.cross, y.at[0, 0].set(np.nan)), "1 numbers in"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
