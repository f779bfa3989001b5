"""What if the network had another activation, another start or another optimiser? Try it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from relu_jax import activations, tap
from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.types import Key, PyTree
from relu_jax.diagnosis import comparison, descent, inputs, losses, parameters
from relu_jax.diagnosis.comparison import Comparison, Trial
from relu_jax.diagnosis.diagnose import measured
from relu_jax.diagnosis.expected import Expected, expected
from relu_jax.tap import arguments
from relu_jax.tap.selectors import Selectable
from relu_jax.training.step import check_optimizer

Init = Callable[[Key, Any], PyTree]
Swapped = str | Callable[[Any], Any]
_RATE = 1e-3  # of Adam, where nothing is said


class _Change(NamedTuple):
    """One thing to try."""

    name: str
    optimizer: optax.GradientTransformation
    swap: tuple[Selectable, Swapped] | None = None
    init: Init | None = None

    def made(self, loss: losses.Loss) -> losses.Loss:
        """Change the loss."""
        return loss if self.swap is None else tap.swap(loss, dict([self.swap]))


def what_if(
    loss: Callable[[Any, Any], Any],
    params: PyTree | Callable[[Key], PyTree],
    batches: Iterable[Any],
    *,
    swaps: Mapping[Selectable, Swapped | Sequence[Swapped]] | None = None,
    inits: Mapping[str, Init] | None = None,
    optimizers: Mapping[str, optax.GradientTransformation] | None = None,
    steps: int = 0,
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: float | None = None,
    seeds: int = 3,
    key: Key | None = None,
    has_aux: bool | None = None,
    progress: Callable[[int, int, str], object] | None = None,
) -> Comparison:
    """Try changes on a network and its data, one at a time, and rank them.

    Every change starts from the same parameters and sees the same batches in the same order as the
    network as it is, seed by seed; so the difference between two is theirs.

    Args:
        loss: as for `diagnose`; not edited.
        params: the arrays to start from; or ``init(key) → params``, drawn anew for each seed.
        batches: as for `diagnose`, but all are kept.
        swaps: {selector: activation, or several}; each is one change. See `tap.swap`.
        inits: {name: ``init(key, params) → params``}, of the same structure and shapes: other
            starts, such as `lsuv`.
        optimizers: {name: optimiser}, where there are steps.
        steps: of training, 0 or more; batches are taken in an order that each seed draws anew.
        optimizer: of all changes but those of `optimizers`; Adam at 1e-3 where neither it nor
            a rate is given.
        learning_rate: plain gradient descent at this rate instead.
        seeds: draws of params, of the starts in `inits` and of the order of batches.
        key: the seeds are folded into it; None is ``jax.random.key(0)``.
        has_aux: as for `diagnose`.
        progress: called after each trial with trials done, trials in all and the change.

    Returns:
        a ranking. With steps the score is the loss over all batches after them. Without, it is by
        how many powers of ten signal or gradient change over depth, after the number of warnings.
        Intervals are those of Student's t for the mean difference over seeds, 95 %, each change for
        itself: of twenty changes that do nothing one is expected to look better. What mean-field
        theory expects of a swap stands beside what was measured.

    Raises:
        ValueError: nothing to try, two changes of one name, `optimizers` without steps, a start of
            another structure, a swap that `tap.swap` refuses, or as for `diagnose`.
        TypeError: steps or seeds are no integers, an optimiser is none.
        DataError: as for `diagnose`.

    Edges: what draws nothing (params given, no steps, no start of `inits`) is tried once, and has
    no interval. Where a trial's loss is not finite, the mean and the gain are not either. State
    that a loss returns beside its value, such as running statistics, is not carried between steps.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> def loss(params, x):
        ...     for w in params[:-1]:
        ...         x = jax.nn.sigmoid(x @ w)
        ...     return jnp.mean((x @ params[-1] - 1) ** 2)
        >>> params = list(jax.random.normal(jax.random.key(0), (6, 16, 16)) / 4)
        >>> x = jax.random.normal(jax.random.key(1), (64, 16))
        >>> found = rj.what_if(loss, params, [x], swaps={"sigmoid": ["tanh", "relu"]})
        >>> [variant.name for variant in found.variants][-1]
        'as it is'
    """
    losses.check_function(loss)
    steps, seeds = _counted("steps", steps, 0), _counted("seeds", seeds, 1)
    usual = parameters.optimiser(optimizer, learning_rate) or optax.adam(_RATE)
    changes = [_Change(comparison.AS_IS, usual), *_changes(swaps, inits, optimizers, usual, steps)]
    kept = list(inputs.stream(batches))
    root = jax.random.key(0) if key is None else key
    start = params(root) if _is_init(params) else params
    for made in [loss, *(change.made(loss) for change in changes if change.swap)]:
        _check(made, start, kept[0], has_aux)  # before any work
    drawn = _is_init(params) or steps > 0
    with jax.debug_nans(False), jax.debug_infs(False):  # here they are findings, not errors
        tried = _tried(loss, params, kept, changes, steps, seeds, drawn, root, has_aux, progress)
    return comparison.compared(tried, steps=steps)


def _tried(
    loss: losses.Loss,
    params: Any,
    kept: Sequence[inputs.Batch],
    changes: Sequence[_Change],
    steps: int,
    seeds: int,
    drawn: bool,
    root: Key,
    has_aux: bool | None,
    progress: Callable[[int, int, str], object] | None,
) -> list[tuple[str, list[Trial], Expected]]:
    """Try every change, the network as it is first."""
    tried, done = [], 0
    counts = [seeds if drawn or change.init else 1 for change in changes]
    for change, count in zip(changes, counts, strict=True):
        trials = []
        for trial in _trials(loss, params, kept, change, steps, count, root, has_aux):
            trials.append(trial)
            done += 1
            if progress is not None:
                progress(done, sum(counts), change.name)
        base = tried[0][1] if tried else trials
        tried.append((change.name, trials, _expected(change, base[0])))
    return tried


def _trials(
    loss: losses.Loss,
    params: Any,
    batches: Sequence[inputs.Batch],
    change: _Change,
    steps: int,
    seeds: int,
    root: Key,
    has_aux: bool | None,
) -> Iterator[Trial]:
    """Try one change under every seed, with what the first has compiled."""
    changed = change.made(loss)
    trees = [batch.tree for batch in batches]
    programs, compiled = {}, {}
    for seed in range(seeds):
        of_params, of_init, of_order = jax.random.split(jax.random.fold_in(root, seed), 3)
        start = params(of_params) if _is_init(params) else params
        if change.init is not None:
            start = _started(change, start, of_init)

        def diagnosed(now: PyTree) -> Any:
            return measured(changed, now, trees, has_aux=has_aux, programs=programs)

        before, after, seen = diagnosed(start), None, ()
        if steps:
            order = _order(of_order, len(batches), steps)
            start, seen = descent.descend(
                changed, start, batches, order, change.optimizer, compiled
            )
            after = diagnosed(start)
        yield Trial(seed, before, after, tuple(map(float, seen)))


def _check(loss: losses.Loss, params: PyTree, batch: inputs.Batch, has_aux: bool | None) -> None:
    """Trace a loss, changed or not: a selector that means nothing is told at once."""
    call = arguments.part(loss, (params, batch.tree), {})
    inputs.check_params(call)
    losses.check_loss(loss, call, has_aux=has_aux)


def _order(key: Key, n: int, steps: int) -> list[int]:
    """Draw the order of batches: every epoch takes each once."""
    epochs = -(-steps // n)
    drawn = [jax.random.permutation(jax.random.fold_in(key, i), n) for i in range(epochs)]
    return np.concatenate(drawn)[:steps].tolist()


def _started(change: _Change, params: PyTree, key: Key) -> PyTree:
    """Draw a start, and refuse one that is no start of the same network."""
    assert change.init is not None  # called for starts alone
    new = change.init(key, params)
    old_leaves, old = jax.tree.flatten(params)
    new_leaves, structure = jax.tree.flatten(new)
    if structure == old and all(map(_alike, old_leaves, new_leaves)):
        return new
    raise errors.rejected(
        rule="a start has the structure, shapes and dtypes of params",
        got=f"{errors.describe(new)} from {change.name!r}",
        do="return params with other numbers in them: jax.tree.map(..., params)",
    )


def _is_init(params: Any) -> bool:
    """Say whether these are a function of a key; a module that can be called is parameters."""
    return callable(params) and jax.tree_util.all_leaves([params])


def _alike(old: Any, new: Any) -> bool:
    if not hasattr(old, "shape"):
        return type(new) is type(old) and (isinstance(old, float) or new is old or new == old)
    return arguments.is_array(new) and (old.shape, old.dtype) == (new.shape, new.dtype)


def _changes(
    swaps: Any, inits: Any, optimizers: Any, usual: optax.GradientTransformation, steps: int
) -> list[_Change]:
    """List what is to be tried."""
    found = []
    for selector, given in _pairs("swaps", swaps):
        several = isinstance(given, list | tuple)
        for to in given if several else [given]:
            _refuse_unless(isinstance(to, str) or callable(to), "swaps holds activations", to)
            name = f"{_words(selector)} → {_words(to)}"
            found.append(_Change(name, usual, swap=(selector, to)))
    for name, init in _pairs("inits", inits):
        _refuse_unless(callable(init), "inits holds functions init(key, params)", init)
        found.append(_Change(str(name), usual, init=init))
    for name, other in _pairs("optimizers", optimizers):
        check_optimizer(other)
        _refuse_unless(steps > 0, "an optimiser needs steps to show in", f"steps={steps}")
        found.append(_Change(str(name), other))
    names = [comparison.AS_IS, *(change.name for change in found)]
    twice = sorted({name for name in names if names.count(name) > 1})
    _refuse_unless(bool(found), "there is something to try", "no swaps, inits or optimizers")
    _refuse_unless(not twice, "changes have names of their own", ", ".join(twice))
    return found


def _pairs(name: str, given: Any) -> list[tuple[Any, Any]]:
    if given is None:
        return []
    _refuse_unless(isinstance(given, Mapping), f"{name} is a dictionary", given, TypeError)
    return list(given.items())


def _refuse_unless(holds: bool, rule: str, got: Any, kind: type[Exception] = ValueError) -> None:
    if not holds:
        raise errors.rejected(
            rule=rule,
            got=got if isinstance(got, str) else errors.describe(got),
            do='as in rj.what_if(loss, params, batches, swaps={"relu": ["gelu", "tanh"]}, '
            'inits={"lsuv": rj.diagnosis.lsuv(loss, batch)})',
            kind=kind,
        )


def _words(what: Any) -> str:
    if isinstance(what, str):
        return what
    if isinstance(what, Activation):
        told = ", ".join(f"{name}={value:g}" for name, value in what.params.items())
        return f"{what.name}({told})" if told else what.name
    return getattr(what, "words", None) or getattr(what, "__name__", None) or str(what)


def _counted(name: str, value: Any, least: int) -> int:
    number = integer(name, value)
    if number >= least:
        return number
    raise errors.rejected(rule=f"{name} is at least {least}", got=str(number), do="pass more")


def _expected(change: _Change, base: Trial) -> Expected:
    """Say what theory expects of a swap, from what was measured of the network as it is."""
    if change.swap is None:
        return Expected(None, None)
    selector, to = change.swap
    sites = {report.site.id: report.site for report in base.before.sites.values()}
    meant = tap.select(selector).means(list(sites.values()))
    act = activations.get(to) if isinstance(to, str) else to
    known = act if isinstance(act, Activation) else None
    return expected(base.before, dict.fromkeys(meant, known))
