"""Does the gradient reach the first layer, whatever the activation and the initialisation?

The same deep network, trained four ways on real digits and diagnosed before and after.

Protocol: an MLP of `depth` weight layers on the UCI digits, plain SGD with one rate for all, the
same batches and the same key. What differs is the activation and the initialisation alone.
Diagnosed on the same training examples at initialisation and after the last step.

Expected at the default size: with sigmoid and Xavier the gradient falls by a factor of some 5 to
10 per layer and nothing is learned; with ReLU and He it stays level.

Source: Glorot & Bengio 2010, section 4; He, Zhang, Ren & Sun 2015, section 2.2.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from relu_jax import activations, data, diagnosis, models, training
from relu_jax.core import errors
from relu_jax.core.provenance import provenance

Progress = Callable[[float, str], None]  # fraction done in [0, 1], what is being done


class Variant(NamedTuple):
    """One way to set up the network."""

    name: str
    activation: str
    initialise: Callable[..., Any]


VARIANTS = (
    Variant("sigmoid + Xavier", "sigmoid", models.xavier()),
    Variant("tanh + Xavier", "tanh", models.xavier()),
    Variant("ReLU + Xavier", "relu", models.xavier()),
    Variant("ReLU + He", "relu", models.he()),
)


@dataclass(frozen=True)
class Config:
    """What the job runs; the defaults take under a minute on two cores."""

    depth: int = 8  # weight layers; one activation fewer
    width: int = 64
    steps: int = 600
    batch_size: int = 128
    rate: float = 0.1
    seed: int = 0
    points: int = 60  # of each training curve

    def __post_init__(self) -> None:
        """Refuse sizes that make no network and no training."""
        for name, least in (("depth", 2), ("width", 1), ("steps", 1), ("batch_size", 1)):
            if getattr(self, name) < least:
                raise errors.rejected(
                    rule=f"{name} is an integer of at least {least}",
                    got=str(getattr(self, name)),
                    do=f"raise {name}",
                    kind=errors.UsageError,
                )
        if not 0 <= self.seed < 2**32:
            raise errors.rejected(
                rule="seed is an integer from 0 to 2**32 - 1",
                got=str(self.seed),
                do="pass e.g. 0",
                kind=errors.UsageError,
            )


def run(config: Config = Config(), progress: Progress | None = None) -> dict[str, Any]:
    """Train and diagnose every variant.

    Args:
        config: sizes, rate and seed.
        progress: called with the fraction done and what is being done.

    Returns:
        a report dictionary (schema relu_jax.report/1): two runs per variant, at initialisation
        and after training, and the provenance.

    Example:
        >>> report = run(Config(depth=2, width=8, steps=2))
        >>> [run["name"] for run in report["runs"]][:2]
        ['sigmoid + Xavier · at initialisation', 'sigmoid + Xavier · after training']
    """
    started = time.perf_counter()
    tell = progress or (lambda _fraction, _what: None)
    parts = data.split()
    runs: list[dict[str, Any]] = []
    for i, variant in enumerate(VARIANTS):
        share = lambda f, what, i=i: tell((i + f) / len(VARIANTS), what)  # noqa: E731
        runs += _both(config, variant, parts, share)
    tell(1.0, "done")
    key = jax.random.key(config.seed)
    return {
        "schema": "relu_jax.report/1",
        "title": f"A network of {config.depth} layers on handwritten digits, set up in four ways",
        "created": provenance()["created"],
        "provenance": {
            **provenance(key=key, started=started, command="relu-jax report"),
            "config": asdict(config),
            "data": "UCI optical recognition of handwritten digits, 1,797 images",
        },
        "runs": runs,
    }


def _both(
    config: Config, variant: Variant, parts: data.Splits, tell: Progress
) -> list[dict[str, Any]]:
    """Diagnose one variant at initialisation, train it, and diagnose it again."""
    sizes = [parts.train.images.shape[1], *[config.width] * (config.depth - 1), 10]
    activation = activations.get(variant.activation)
    model = models.mlp(sizes, activation=activation, init=variant.initialise)
    loss = _loss(model.apply)
    params = model.init(jax.random.key(config.seed))
    examples = data.Epoch(parts.train, config.batch_size, seed=config.seed)
    accuracy = jax.jit(lambda p, x: jnp.argmax(model.apply(p, x), axis=-1))

    def judged(weights: Any, stage: str, history: dict[str, Any]) -> dict[str, Any]:
        hits = np.asarray(accuracy(weights, parts.test.images)) == parts.test.labels
        found = diagnosis.diagnose(loss, weights, examples)
        return found.to_dict(
            name=f"{variant.name} · {stage}",
            group=variant.name,
            stage=stage,
            metrics={"test accuracy": float(hits.mean())},
            history=history,
        )

    tell(0.0, f"{variant.name}: diagnosing at initialisation")
    first = judged(params, "at initialisation", {})
    tell(0.25, f"{variant.name}: training {config.steps} steps")
    state, info = training.fit(
        loss,
        params,
        data.stream(parts.train, config.batch_size, seed=config.seed),
        optax.sgd(config.rate),
        steps=config.steps,
        log_every=max(1, config.steps // config.points),
        on_step=lambda i: tell(
            0.25 + 0.5 * int(i.step) / config.steps, f"{variant.name}: training"
        ),
    )
    tell(0.75, f"{variant.name}: diagnosing after training")
    curves = {"step": _plain(info.step), "loss": _plain(info.loss)}
    return [first, judged(state.params, "after training", curves)]


def _loss(apply: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """Build the mean cross-entropy of a model, in nats."""

    def loss(params: Any, batch: data.Digits) -> Any:
        logits = apply(params, batch.images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels).mean()

    return loss


def _plain(values: Iterable[Any]) -> list[float | int]:
    return np.asarray(values).tolist()
