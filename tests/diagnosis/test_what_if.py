"""Are the changes tried from the same start on the same batches, and is bad input told at once?"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import relu_jax as rj
from relu_jax.core.errors import DataError
from relu_jax.diagnosis import lsuv
from relu_jax.diagnosis.comparison import AS_IS
from relu_jax.diagnosis.what_if import _changes
from tests.diagnosis import networks

LOSS = networks.mlp_loss(jax.nn.sigmoid)
PARAMS = networks.start([64] * 7 + [10], gain=1.0)
BATCHES = networks.digits(64, 3)


@pytest.fixture(scope="module")
def at_start():
    return rj.what_if(
        LOSS,
        PARAMS,
        BATCHES,
        swaps={"sigmoid": ["tanh", "relu"], "params/0": jnp.sin},
        inits={"lsuv": lsuv(LOSS, BATCHES[0])},
        seeds=2,
    )


@pytest.fixture(scope="module")
def trained():
    return rj.what_if(
        LOSS,
        PARAMS,
        BATCHES,
        swaps={"sigmoid": "relu"},
        optimizers={"fast": optax.sgd(1.0)},
        learning_rate=0.1,
        steps=12,
        seeds=2,
    )


def test_the_network_as_it_is_is_what_diagnose_says(at_start):
    (trial,) = at_start.as_is.trials
    d = rj.diagnose(LOSS, PARAMS, BATCHES)
    assert trial.before.loss == pytest.approx(d.loss, rel=1e-6)
    assert trial.before.flow == pytest.approx(d.flow, rel=1e-6)
    assert trial.before.findings[0].kind == d.findings[0].kind == "vanishing_gradient"


def test_a_swap_is_the_swapped_network(at_start):
    d = rj.diagnose(rj.tap.swap(LOSS, {"sigmoid": "tanh"}), PARAMS, BATCHES)
    (trial,) = at_start["sigmoid → tanh"].trials
    assert trial.before.flow == pytest.approx(d.flow, rel=1e-6)
    assert at_start["sigmoid → tanh"].removed == ("vanishing_gradient",)


def test_what_draws_is_tried_under_every_seed(at_start):
    counts = {variant.name: len(variant.trials) for variant in at_start.variants}
    assert counts == {
        AS_IS: 1, "sigmoid → tanh": 1, "sigmoid → relu": 1, "params/0 → sin": 1, "lsuv": 2
    }  # fmt: skip
    one, two = (trial.before.loss for trial in at_start["lsuv"].trials)
    assert one != two


def test_theory_expects_what_the_swap_does(at_start):
    variant = at_start["sigmoid → tanh"]
    assert variant.expected.backward_total == pytest.approx(variant.flow[1], rel=0.3)
    assert at_start["params/0 → sin"].expected.backward_total is None  # a function, no entry


def test_training_is_what_a_loop_by_hand_gives(trained):
    # The order of seed 0 is read off the losses: each batch has its own at the start.
    trial = trained.as_is.trials[0]
    step = jax.jit(jax.value_and_grad(LOSS))
    params, order = PARAMS, []
    for seen in trial.losses:
        values = [step(params, batch) for batch in BATCHES]
        order.append(int(np.argmin([abs(float(value) - seen) for value, _ in values])))
        value, gradient = values[order[-1]]
        assert float(value) == pytest.approx(seen, rel=1e-4)
        params = jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient)
    ends = [float(step(params, batch)[0]) for batch in BATCHES]
    assert trial.after.loss == pytest.approx(np.mean(ends), rel=1e-4)
    for epoch in range(4):  # every epoch takes each batch once
        assert sorted(order[3 * epoch : 3 * epoch + 3]) == [0, 1, 2]


def test_relu_learns_what_sigmoid_does_not(trained):
    assert trained.best.name == "sigmoid → relu"
    assert trained.best.gain.low > 0
    assert trained["sigmoid → relu"].trials[1].after.loss < trained.as_is.trials[1].after.loss


def test_an_optimiser_of_its_own_is_used(trained):
    own, usual = trained["fast"].trials[0], trained.as_is.trials[0]
    assert own.losses[0] == pytest.approx(usual.losses[0], rel=1e-6)  # same start and batch
    assert own.losses[5] != pytest.approx(usual.losses[5], rel=1e-3)


def test_parameters_are_drawn_anew_for_each_seed():
    def init(key):
        return {"w": jax.random.normal(key, (64, 8)), "last": jnp.ones((8, 1))}

    def loss(params, batch):
        return jnp.mean(jnp.tanh(batch[0] @ params["w"]) @ params["last"])

    told = []
    found = rj.what_if(
        loss, init, BATCHES[:1], swaps={"tanh": "relu"}, seeds=2,
        progress=lambda *seen: told.append(seen),
    )  # fmt: skip
    first, second = (trial.before.sites["w"].rms_pre for trial in found.as_is.trials)
    swapped = [trial.before.sites["w"].rms_pre for trial in found["tanh → relu"].trials]
    assert first != second
    assert swapped == pytest.approx([first, second], rel=1e-6)
    assert told == [(1, 4, AS_IS), (2, 4, AS_IS), (3, 4, "tanh → relu"), (4, 4, "tanh → relu")]


def test_the_same_key_gives_the_same_numbers():
    def init(key):
        return jax.random.normal(key, (64, 8))

    def run(seed):
        found = rj.what_if(
            lambda w, batch: jnp.mean(jnp.tanh(batch[0] @ w)), init, BATCHES[:1],
            swaps={"tanh": "relu"}, seeds=1, key=jax.random.key(seed),
        )  # fmt: skip
        return found.as_is.trials[0].before.loss

    assert run(1) == run(1) != run(2)


def refused(match, kind=ValueError, **given):
    with pytest.raises(kind, match=match):
        rj.what_if(LOSS, PARAMS, BATCHES[:1], **given)


def test_bad_input_is_told_before_anything_runs():
    refused("there is something to try")
    refused("steps is at least 0", swaps={"sigmoid": "relu"}, steps=-1)
    refused("seeds is at least 1", swaps={"sigmoid": "relu"}, seeds=0)
    refused("an optimiser needs steps", optimizers={"a": optax.sgd(1.0)})
    refused("names of their own", swaps={"sigmoid": ["relu", "relu"]})
    refused("which none of 6 sites is", swaps={"swish": "relu"})
    refused("reluu", swaps={"sigmoid": "reluu"})
    refused("from an optimizer or from", swaps={"sigmoid": "relu"}, optimizer=optax.sgd(1.0),
            learning_rate=1.0)  # fmt: skip


def test_what_is_of_the_wrong_kind_is_told():
    for given in ((["relu"], None, None), (None, [1], None), (None, None, "adam")):
        with pytest.raises(TypeError, match="is a dictionary"):
            _changes(*given, optax.sgd(1.0), 1)
    with pytest.raises(ValueError, match="functions init"):
        _changes(None, {"he": "he"}, None, optax.sgd(1.0), 1)
    with pytest.raises(TypeError, match="optax transformation"):
        _changes(None, None, {"adam": "adam"}, optax.sgd(1.0), 1)


@pytest.mark.parametrize(
    "init",
    [
        lambda _key, params: params[:-1],
        lambda _key, params: jax.tree.map(lambda leaf: leaf[..., :1], params),
        lambda _key, params: jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params),
    ],
    ids=["structure", "shape", "dtype"],
)
def test_a_start_of_another_network_is_refused(init):
    refused("structure, shapes and dtypes", inits={"mine": init})


def test_no_batches_are_refused():
    with pytest.raises(DataError, match="at least one batch"):
        rj.what_if(LOSS, PARAMS, [], swaps={"sigmoid": "relu"})


def test_a_loss_that_diverges_is_last_and_no_error():
    found = rj.what_if(
        lambda w, batch: jnp.mean(jnp.tanh(batch[0] @ w) ** 2) + jnp.sum(w**2), jnp.ones((64, 8)),
        BATCHES[:1], swaps={"tanh": "square"}, optimizer=optax.sgd(1e9), steps=9, seeds=1,
    )  # fmt: skip
    assert found.variants[-1].score == np.inf
    assert "inf" in str(found)


def test_a_module_that_can_be_called_is_parameters():
    model = eqx.nn.MLP(64, 10, 16, 1, key=jax.random.key(0))

    def loss(model, batch):
        return networks.cross_entropy(jax.vmap(model)(batch[0]), batch[1])

    found = rj.what_if(loss, model, BATCHES[:1], swaps={"relu": "tanh"}, steps=2, seeds=1)
    assert len(found.variants) == 2


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.contrib.prodigy(),  # keeps the parameters in its state
        optax.chain(optax.sgd(0.1), optax.contrib.reduce_on_plateau()),  # asks for the loss
        optax.lbfgs(),  # asks for a function
    ],
    ids=["prodigy", "plateau", "lbfgs"],
)
def test_every_optimiser_of_optax_will_do(optimizer):
    found = rj.what_if(
        lambda w, batch: jnp.mean((jnp.tanh(batch[0] @ w) - 0.5) ** 2), jnp.full((64, 8), 0.01),
        BATCHES[:1], optimizers={"other": optimizer}, steps=3, seeds=1,
    )  # fmt: skip
    losses = found["other"].trials[0].losses
    assert losses[-1] < losses[0]


def test_a_start_may_leave_a_python_float_alone():
    found = rj.what_if(
        lambda p, batch: jnp.mean(jnp.tanh(batch[0] @ p["w"])) * p["s"],
        {"w": jnp.ones((64, 4)), "s": 2.0}, BATCHES[:1], inits={"same": lambda _key, p: p},
        seeds=1,
    )  # fmt: skip
    assert found["same"].trials[0].before.loss == found.as_is.trials[0].before.loss


def test_no_gradient_at_all_is_the_worst_flow():
    found = rj.what_if(LOSS, PARAMS, BATCHES[:1], swaps={"sigmoid": "sign"})
    assert found["sigmoid → sign"].score == np.inf
    assert found.variants[-1].name == "sigmoid → sign"


def test_an_activation_or_an_optimiser_that_is_none_is_refused():
    with pytest.raises(ValueError, match="swaps holds activations; got None"):
        _changes({"relu": None}, None, None, optax.sgd(1.0), 0)
    with pytest.raises(TypeError, match="optax transformation"):
        _changes(None, None, {"none": None}, optax.sgd(1.0), 1)
