"""How do the signal and the gradient change from site to site, and what does theory expect?"""

import math
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.activations import Activation
from relu_jax.analyses import losses, turns
from relu_jax.analyses.averages import mean_squares
from relu_jax.analyses.catalogued import catalogued
from relu_jax.analyses.tables import columns
from relu_jax.core.numerics import rms, widened
from relu_jax.core.types import Array
from relu_jax.tap import Linear, Site, Tapped, cotangents, program

_NONE = math.nan


class Passed(NamedTuple):
    """What went through one site, or one turn of it in a loop over layers; NaN: not known."""

    site: str  # its id, with the turn in brackets
    kind: str
    rms_pre: float  # of z
    rms_post: float  # of f(z)
    norm_d_pre: float  # ‖∂ loss / ∂ z‖ over all samples
    norm_d_post: float
    weight_std: float  # √(n_in · mean W²) of the weight that feeds it
    gain_forward: float  # rms_post over that of the site before
    gain_backward: float  # norm_d_pre over that of the site after
    predicted_forward: float
    predicted_backward: float


class Leaf(NamedTuple):
    """One array of the parameters, and its gradient."""

    path: str
    rms: float
    rms_grad: float


class GradientFlow(NamedTuple):
    """How the signal and the gradient change over depth.

    Rates are factors per site, from a straight line through the logarithms: of rms_post from input
    to output, of norm_d_pre from output to input; NaN with fewer than two sites, or where one is 0,
    not finite or not known.
    """

    sites: tuple[Passed, ...]  # in the order of the program
    parameters: tuple[Leaf, ...]
    forward_rate: float
    backward_rate: float
    predicted_forward_rate: float
    predicted_backward_rate: float

    def __str__(self) -> str:
        heads = ("site", "kind", "rms f(z)", "gain", "theory", "‖d z‖", "gain", "theory")
        rows: list[tuple[str, ...]] = [heads]
        for one in self.sites:
            numbers = (
                one.rms_post, one.gain_forward, one.predicted_forward,
                one.norm_d_pre, one.gain_backward, one.predicted_backward,
            )  # fmt: skip
            rows.append((one.site, one.kind, *map(_told, numbers)))
        rates = (
            f"per site forward {_told(self.forward_rate)}, "
            f"theory {_told(self.predicted_forward_rate)}; "
            f"backward {_told(self.backward_rate)}, theory {_told(self.predicted_backward_rate)}"
        )
        return f"{columns(rows, left=2)}\n{rates}"


class _Turn(NamedTuple):
    """One site, at one turn of the loops over layers around it."""

    site: Site
    turn: tuple[int, ...]

    @property
    def id(self) -> str:
        return f"{self.site.id}[{','.join(map(str, self.turn))}]" if self.turn else self.site.id


class _Sizes(NamedTuple):
    """What stood at a site, per turn that is kept: its RMS, and the norms of its gradients."""

    pre: Array
    post: Array
    d_pre: Array
    d_post: Array


def gradient_flow(loss: Callable[..., Any], params: Any, *args: Any) -> GradientFlow:
    """Measure the signal and the gradient at every site, and predict both by mean-field theory.

    Args:
        loss: gives one real number; it is not edited.
        params: what the gradient is taken by, its first argument.
        args: its other arguments, such as a batch; what is no array is a setting.

    Returns:
        one `Passed` per site in the order they run, one `Leaf` per array of `params`, and the rates
        over depth. Predicted are, for normal arguments z of the measured size and random weights,
        each step from what was measured before it:

        - forward, with m = rms_post² of the site before: √(E f(weight_std √m z)² / m);
        - backward: (rms_pre of the site after / rms_post) · √(E f′(rms_pre z)²). What multiplies
          the signal on its way to the next site, weights or a norm, multiplies the gradient too.

    Raises:
        ValueError: a loss that does not give one real number.

    Edges: sites are taken for a chain: beside a residual sum the gain is that of the branch.
    Between two sites, predicted_forward knows of one weight without a bias, and not of a norm;
    predicted_backward does not know that a batch norm takes a mean away: with relu, the gradient
    grows by √(π / (π - 1)) = 1.21 more (Yang et al. 2019).
    Loops over steps and shards are summed up; inside a while loop or a derivative rule of yours the
    gradient is NaN. A site that did not run (a branch) is NaN, and its neighbours are compared.

    Source: Glorot & Bengio 2010, section 4 (sizes per layer); Schoenholz et al. 2017, section 4
    (the gradient changes by √χ₁ per layer).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> def loss(ws, x):
        ...     for w in ws:
        ...         x = jax.nn.relu(x @ w)
        ...     return jnp.mean(x**2)
        >>> ws = list(jax.random.normal(jax.random.key(0), (4, 512, 512)) / 512**0.5)
        >>> found = gradient_flow(loss, ws, jax.random.normal(jax.random.key(1), (512, 512)))
        >>> round(found.forward_rate, 2), round(found.predicted_forward_rate, 2)  # 1/√2
        (0.7, 0.71)
    """
    call, read = program.opened(loss, (params, *args), {})
    losses.check_scalar(loss, call)
    given = losses.parameters(call)
    sizes = jax.jit(lambda *arrays: _sizes(loss, call.filled(arrays)[0]))(*call.arrays)
    weights = _weights(read.sites.linear, given)
    chain = [_passed(one, sizes[one.site.id], weights) for one in _in_order(read.sites)]
    chain = _compared(chain, {site.id: catalogued(site) for site in read.sites})
    gradient = losses.gradient(loss, call)
    ran = [one for one in chain if not math.isnan(one.rms_pre)]
    return GradientFlow(
        tuple(chain),
        tuple(Leaf(path, _rms(array), _rms(gradient[path])) for path, array in given.items()),
        rate([one.rms_post for one in ran]),
        rate([one.norm_d_pre for one in ran[::-1]]),
        rate(_product([one.predicted_forward for one in ran[1:]])),
        rate(_product([one.predicted_backward for one in ran[-2::-1]])),
    )


def rate(sizes: Sequence[float]) -> float:
    """Fit the factor from each size to the next, by a straight line through their logarithms.

    Example:
        >>> round(rate([1.0, 2.0, 4.0]), 6), rate([1.0])
        (2.0, nan)
    """
    if len(sizes) < 2 or not all(0 < size < math.inf for size in sizes):
        return _NONE
    return float(np.exp(np.polyfit(np.arange(len(sizes)), np.log(sizes), 1)[0]))


def _sizes(loss: Callable[..., Any], args: tuple[Any, ...]) -> dict[str, _Sizes]:
    """Take the RMS of what stands at each site; loops over layers stay apart."""
    sites = {site.id: site for site in program.opened(loss, args, {})[1].sites}
    seen = cotangents(loss)(*args)[1]
    return {name: _of_site(sites[name], one) for name, one in seen.items()}


def _of_site(site: Site, seen: Tapped) -> _Sizes:
    kept = _kept(site)
    axes = tuple(axis for axis in range(seen.pre.ndim) if axis not in kept)

    def size(x: Array | None) -> Array:
        shape = [site.loops[axis] for axis in kept]
        if x is None or not x.size:
            return jnp.full(shape, _NONE, jnp.float32)
        return rms(widened(x), axes)

    many = math.prod(seen.pre.shape[axis] for axis in axes) ** 0.5
    return _Sizes(
        size(seen.pre), size(seen.post), many * size(seen.d_pre), many * size(seen.d_post)
    )


def _kept(site: Site) -> tuple[int, ...]:
    """List the loops whose turns are layers of their own: those that hand something on."""
    if site.loop != "layers":
        return ()
    return tuple(axis for axis, order in enumerate(site.order) if order)


def _in_order(sites: Sequence[Site]) -> list[_Turn]:
    """List sites as they run: in a loop over layers all those of a turn before the next turn."""
    found = []
    for _, group in groupby(sites, lambda site: (_kept(site), site.loops, site.order)):
        members = list(group)
        kept = _kept(members[0])
        every = [tuple(turn[axis] for axis in kept) for turn in turns.running(members[0])]
        found += [_Turn(site, turn) for turn in dict.fromkeys(every) for site in members]
    return found


def _weights(linear: Sequence[Linear], given: dict[str, Array]) -> dict[str, tuple[int, Any]]:
    """Find the fan-in and the array of each weight; of one that is used twice, the last."""
    return {one.path: (one.n_in, given[one.path]) for one in linear if one.path in given}


def _weight_std(one: _Turn, weights: dict[str, tuple[int, Any]]) -> float:
    n_in, array = weights.get(one.site.path, (0, None))
    loops = one.site.loops if one.turn else ()
    if array is None or len(one.turn) != len(loops) or array.shape[: len(loops)] != loops:
        return _NONE
    return n_in**0.5 * _rms(array[one.turn])


def _passed(one: _Turn, sizes: _Sizes, weights: dict[str, tuple[int, Any]]) -> Passed:
    pre, post, d_pre, d_post = (float(size[one.turn]) for size in sizes)
    if math.isnan(pre):  # it did not run: nothing came back either
        d_pre = d_post = _NONE
    return Passed(
        one.id, one.site.kind, pre, post, d_pre, d_post,
        _weight_std(one, weights), *[_NONE] * 4,
    )  # fmt: skip


def _compared(chain: Sequence[Passed], acts: dict[str, Activation | None]) -> list[Passed]:
    """Compare every site that ran with the one before and the one after."""
    found = list(chain)
    ran = [i for i, one in enumerate(chain) if not math.isnan(one.rms_pre)]
    for i, j in pairwise(ran):
        before, after = found[i], found[j]
        found[j] = after._replace(
            gain_forward=_over(after.rms_post, before.rms_post),
            predicted_forward=_forward(_act(after, acts), after.weight_std, before.rms_post),
        )
        found[i] = before._replace(
            gain_backward=_over(before.norm_d_pre, after.norm_d_pre),
            predicted_backward=_backward(_act(before, acts), before, after),
        )
    return found


def _act(one: Passed, acts: dict[str, Activation | None]) -> Activation | None:
    return acts[one.site] if one.site in acts else acts[one.site.rpartition("[")[0]]


def _forward(act: Activation | None, weight_std: float, before: float) -> float:
    found = mean_squares(act, (weight_std * before) ** 2)
    return _over(math.sqrt(found[0]), before) if found else _NONE


def _backward(act: Activation | None, before: Passed, after: Passed) -> float:
    found = mean_squares(act, before.rms_pre**2)
    return _over(after.rms_pre, before.rms_post) * math.sqrt(found[1]) if found else _NONE


def _product(gains: Sequence[float]) -> list[float]:
    return [1.0, *np.cumprod(gains).tolist()]


def _over(a: float, b: float) -> float:
    return a / b if b else _NONE


def _rms(array: Array) -> float:
    return float(rms(widened(array))) if array.size else _NONE


def _told(number: float) -> str:
    return "–" if math.isnan(number) else f"{number:.3g}"
