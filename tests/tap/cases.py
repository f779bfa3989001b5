"""The table of the tap: which function, and which activations it holds, in program order.

A row is a name, a builder of (function, arguments) and what is expected. The function takes its
parameters first. Under jit on the CPU the tapped function's value and gradient are bit-equal to the
original's.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
from jax import nn

from relu_jax import models
from tests.tap import contexts as c
from tests.tap import frameworks as fw
from tests.tap import losses
from tests.tap import networks as n
from tests.tap.spellings import SPELLINGS, Spelling

Built = tuple[Callable[..., Any], tuple[Any, ...]]


class Expected(NamedTuple):
    """What is asked of one site; None asks nothing."""

    kind: str
    params: dict[str, float]
    slopes: tuple[float, ...] | None
    gates: bool | None
    loops: tuple[int, ...]
    units: tuple[int, ...] | None


class Case(NamedTuple):
    """One row."""

    name: str
    build: Callable[[], Built]
    expected: tuple[Expected, ...]
    opaque: tuple[str, ...] = ()  # primitives the tap has to name as not entered
    smooth: bool = True  # whether the function can be differentiated once more


def at(
    kind: str,
    slopes: tuple[float, ...] | None = None,
    *,
    gates: bool | None = False,
    loops: tuple[int, ...] = (),
    units: tuple[int, ...] | None = None,
    **params: float,
) -> Expected:
    """Expect one site."""
    return Expected(kind, params, slopes, gates, loops, units)


def _of(f: Callable[..., Any], *args: Any) -> Callable[[], Built]:
    return lambda: (f, args)


def _cast(f: Callable[..., Any], dtype: Any, *args: Any) -> Callable[[], Built]:
    return lambda: (f, jax.tree.map(lambda a: a.astype(dtype), args))


def _spelled(row: Spelling) -> tuple[Expected, ...]:
    return () if row.kind == "identity" else (at(row.kind, row.slopes, **row.params),)


def _bare(rows: tuple[Spelling, ...]) -> Case:
    """Apply the jax.nn spelling to an array, and nothing else."""
    first = rows[0]
    return Case(f"{first.kind} alone", _of(first.f, n.X), _spelled(first))


def _layered(rows: tuple[Spelling, ...]) -> Case:
    """Stack layers, each with another spelling of one activation."""
    expected = tuple(e for row in rows for e in _spelled(row))
    model = n.squared(n.mlp(*(row.f for row in rows)))
    args = (n.mlp_params(len(rows)), n.X, n.Y)
    return Case(f"{rows[0].kind} in each spelling", _of(model, *args), expected)


ACTIVATIONS = (*map(_bare, SPELLINGS), *map(_layered, SPELLINGS))

relu, tanh, sigmoid = at("relu", (0.0,)), at("tanh"), at("sigmoid")
silu, gelu_tanh = at("silu", beta=1.0), at("gelu_tanh")

NETWORKS = (
    Case("cnn, stored statistics", _of(n.cnn(n.frozen_norm), n.CNN, n.IMAGES),
         (at("relu", (0.0,), units=(3,)),) * 2),
    Case("cnn, batch statistics", _of(n.cnn(n.batch_norm), n.CNN, n.IMAGES),
         (at("relu", (0.0,), units=(3,)),) * 2),
    Case("cnn, batch statistics, softplus", _of(n.cnn(n.batch_norm, nn.softplus), n.CNN, n.IMAGES),
         (at("softplus", beta=1.0, units=(3,)),) * 2),
    Case("cnn, channels first", _of(n.channels_first, n.CNN, n.IMAGES),
         (at("silu", beta=1.0, units=(1,)),) * 2),
    Case("squeeze and excite", _of(n.squeeze_excite, n.CNN, n.IMAGES),
         (relu, relu, at("sigmoid", gates=True))),
    Case("residual branch, relu on the sum", _of(n.residual, n.RESIDUAL, n.X), (relu, relu)),
    Case("attention, LayerNorm", _of(n.pre_norm_block, n.BLOCK, n.TEXT),
         (at("gelu_tanh", units=(2,)),)),
    Case("rotary attention, RMSNorm, swiglu", _of(n.llama_block, n.BLOCK, n.TEXT),
         (at("silu", beta=1.0, gates=True),)),
    Case("swiglu", _of(n.gated(nn.silu), n.BLOCK, n.TEXT), (at("silu", beta=1.0, gates=True),)),
    Case("geglu", _of(n.gated(nn.gelu), n.BLOCK, n.TEXT), (at("gelu_tanh", gates=True),)),
    Case("reglu", _of(n.gated(nn.relu), n.BLOCK, n.TEXT), (at("relu", (0.0,), gates=True),)),
    Case("glu, halves of one product", _of(n.glu_halves, n.BLOCK, n.TEXT),
         (at("sigmoid", gates=True),)),
    Case("bilinear gate", _of(n.gated(lambda x: x), n.BLOCK, n.TEXT), ()),
    Case("lstm", _of(n.lstm, n.CELL, n.TEXT),
         tuple(at(k, gates=True, loops=(4,)) for k in
               ("sigmoid", "sigmoid", "tanh", "sigmoid", "tanh"))),
    Case("gru", _of(n.gru, n.CELL, n.TEXT),
         tuple(at(k, gates=True, loops=(4,)) for k in ("sigmoid", "sigmoid", "tanh"))),
    Case("plain recurrent net", _of(n.rnn, n.RNN, n.TEXT), (at("tanh", loops=(4,)),)),
    Case("scan over stacked layers", _of(n.stacked, n.STACK, n.X),
         (at("relu", (0.0,), loops=(3,)),)),
    Case("scan over layers in a scan over steps", _of(n.stacked_in_steps, n.STACK, n.TEXT),
         (at("tanh", loops=(4, 3)),)),
    Case("dropout", lambda: (n.dropout, (n.P, n.X, jax.random.key(0))), (relu, relu)),
    Case("sinusoidal embedding of the time",
         _of(n.timed, {"layers": n.layers(3, 4) + n.layers(4, 4, 2)}, n.X, np.arange(5)),
         (silu, silu)),
    Case("embedding table", _of(c.embedded, c.TABLE, n.LABELS), (at("gelu"),)),
    Case("experts behind a softmax", _of(c.routed, c.EXPERTS, n.X),
         (at("relu", (0.0,), units=(1, 2)),)),
    Case("learned slopes", _of(c.learned_slope, c.PRELU, n.X),
         (at("leaky_relu", (1.0,), slope=np.nan),) * 2),
    Case("learned gate, with its own rule", _of(c.learned_gate, c.SWISH, n.X),
         (at("silu", beta=np.nan),) * 2),
    Case("functions the catalogue does not hold", _of(c.unknown, n.P, n.X),
         (at("unknown"), relu, at("unknown"))),
    Case("maxout", _of(c.maxout, n.P, n.X), ()),
    Case("one layer used twice", _of(c.shared, n.P, n.X), (relu, relu)),
    Case("our mlp", lambda: _ours(models.mlp([3, 4, 4, 2]), n.X), (relu, relu)),
    Case("our convnet", lambda: _ours(models.convnet((6, 6, 3), [4], 2), n.IMAGES),
         (at("relu", (0.0,), units=(3,)),)),
)  # fmt: skip


def _ours(model: models.Model, x: Any) -> Built:
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return model.apply, (jax.tree.map(lambda s: n.leaf(*s.shape), shapes), x)


def _loss(f: Callable[..., Any], *more: Expected, labels: bool = False) -> Case:
    target = n.LABELS if labels else n.Y
    name = f"loss: {f.__name__.replace('_', ' ')}"
    return Case(name, _of(f, n.P, n.X, target), (relu, tanh, *more))


LOSSES = (
    _loss(losses.log_sum_exp, labels=True),
    _loss(losses.one_hot, labels=True),
    _loss(losses.integer_labels, labels=True),
    _loss(losses.smoothed, labels=True),
    _loss(losses.binary),
    _loss(losses.huber),
    _loss(losses.log_cosh),
    _loss(losses.hinge),
    _loss(losses.absolute),
    _loss(losses.focal),
    _loss(losses.cosine),
    _loss(losses.distilled),
    _loss(losses.contrastive),
    _loss(losses.decayed),
    _loss(losses.penalised),
    _loss(losses.weight_normed),
    _loss(losses.sigmoid_output, sigmoid),
    _loss(losses.probabilities, sigmoid),
    _loss(losses.gaussian, at("softplus", beta=1.0)),
)

PAIR = (n.P, n.X)
TRIPLE = (n.P, n.X, n.Y)

CONTEXTS = (
    Case("jit", _of(jax.jit(c.loss), *TRIPLE), (relu, tanh)),
    Case("jit inside jit", _of(c.jit_in_jit, *PAIR), (at("elu", alpha=1.0),) * 2),
    Case("vmap of a model of one example", _of(c.per_example, *PAIR),
         (at("relu", (0.0,), units=(1,)),)),
    Case("vmap over members", _of(c.ensemble, c.MEMBERS, n.X), (relu, tanh)),
    Case("grad", _of(jax.grad(c.loss), *TRIPLE), (relu, tanh)),
    Case("value_and_grad of jit", _of(jax.value_and_grad(jax.jit(c.loss)), *TRIPLE), (relu, tanh)),
    Case("jit of grad of vmap", _of(jax.jit(jax.grad(n.squared(c.per_example))), *TRIPLE), (relu,)),
    Case("gradient for the input", _of(jax.grad(c.loss, argnums=1), *TRIPLE), (relu, tanh)),
    Case("remat", _of(jax.checkpoint(c.loss), *TRIPLE), (relu, tanh)),
    Case("remat with a policy", _of(c.rematted, *TRIPLE), (gelu_tanh, gelu_tanh)),
    Case("grad of remat", _of(jax.value_and_grad(c.rematted), *TRIPLE), (gelu_tanh, gelu_tanh)),
    Case("scan over rematted layers", _of(c.rematted_scan, n.STACK, n.X),
         (at("silu", beta=1.0, loops=(3,)),)),
    Case("grad of scan", _of(jax.grad(lambda p, x: n.rnn(p, x).sum()), n.RNN, n.TEXT),
         (at("tanh", loops=(4,)),)),
    Case("custom_jvp, elementwise", _of(c.elementwise_jvp, *PAIR),
         (at("relu", (0.25,)), sigmoid)),
    Case("custom_vjp, elementwise", _of(c.elementwise_vjp, *PAIR), (tanh, relu)),
    Case("custom_jvp with a product inside", _of(c.own_jvp, *PAIR), (tanh, relu)),
    Case("custom_vjp with a product inside", _of(c.own_vjp, *PAIR), (tanh, relu)),
    Case("grad of custom_vjp", _of(jax.grad(n.squared(c.own_vjp)), *TRIPLE), (tanh, relu),
         smooth=False),
    Case("while_loop", _of(c.while_loop, *PAIR), (relu, tanh), smooth=False),
    Case("cond", _of(c.branches, *PAIR), (relu, relu, tanh, sigmoid)),
    Case("grad of cond", _of(jax.grad(n.squared(c.branches)), *TRIPLE),
         (relu, relu, tanh, sigmoid), smooth=False),
    Case("switch of three, with a jit and a remat inside", _of(c.switched, *PAIR),
         (relu, silu, gelu_tanh, sigmoid)),
    Case("cond in a scan, a scan in a cond", _of(c.branches_in_scan, *PAIR),
         (at("relu", (0.0,), loops=(3,)), at("tanh", loops=(3,)), at("sigmoid", loops=(2,)))),
    Case("cond in a cond", _of(c.nested_branches, *PAIR), (tanh, relu, sigmoid)),
    Case("vmap of cond", _of(jax.vmap(c.branches, in_axes=(None, 0)), PAIR[0], PAIR[1][:, None]),
         (relu, relu, tanh, sigmoid)),
    Case("fori_loop of known length", _of(c.counted_loop, *PAIR), (at("tanh", loops=(3,)),)),
    Case("another function on each platform", _of(c.by_platform, *PAIR), (relu,),
         opaque=("cond",)),
    Case("fixed point by while_loop", _of(c.fixed_point, *PAIR), (tanh, tanh)),
)  # fmt: skip

FRAMEWORKS = (
    Case("nnx, split and merged", fw.nnx_split, (relu, silu)),
    Case("nnx, module as it is", fw.nnx_direct, (relu, silu)),
    Case("nnx cnn with state", fw.nnx_cnn, (gelu_tanh,)),
    Case("linen mlp", lambda: fw.linen_model(fw.LinenMlp(), n.X),
         (tanh, at("leaky_relu", (1.0,), slope=0.01))),
    Case("linen loss under value_and_grad", fw.linen_loss,
         (tanh, at("leaky_relu", (1.0,), slope=0.01))),
    Case("linen cnn in training", lambda: fw.linen_model(fw.LinenCnn(), n.IMAGES),
         (relu, relu, at("sigmoid", gates=True))),
    Case("linen transformer block", lambda: fw.linen_model(fw.LinenBlock(), n.TEXT), (gelu_tanh,)),
    Case("linen lstm", lambda: fw.linen_model(fw.LinenLstm(), n.TEXT),
         tuple(at(k, gates=True, loops=(4,)) for k in
               ("sigmoid", "sigmoid", "tanh", "sigmoid", "tanh"))),
    Case("linen scan over layers", lambda: fw.linen_model(fw.LinenStack(), n.X),
         (at("softplus", beta=1.0, loops=(2,)),)),
    Case("equinox mlp", fw.equinox_mlp, (at("softplus", beta=1.0),) * 2),
    Case("equinox under filter_jit", fw.equinox_jit, (relu, relu)),
    Case("equinox cnn", fw.equinox_cnn, (at("leaky_relu", (1.0,), slope=np.nan, units=(1,)),)),
    Case("equinox gru", fw.equinox_gru,
         (at("sigmoid", gates=True, loops=(4,)),) * 2 + (at("tanh", loops=(4,)),)),
    Case("equinox attention", fw.equinox_attention, ()),
)  # fmt: skip


def _mixed(params: Any, x: Any) -> Any:
    """Compute in bfloat16 from float32 weights, and return float32."""
    low = jax.tree.map(lambda w: w.astype(jnp.bfloat16), params)
    return c.net(low, x.astype(jnp.bfloat16)).astype(jnp.float32)


BF16 = ml_dtypes.bfloat16
PRECISIONS = (
    Case("bfloat16 mlp", _cast(n.mlp(nn.relu, nn.gelu), BF16, *PAIR), (relu, gelu_tanh)),
    Case("bfloat16 silu and elu", _cast(n.mlp(nn.silu, nn.elu), BF16, *PAIR),
         (silu, at("elu", alpha=1.0))),
    Case("bfloat16 block", _cast(n.llama_block, BF16, n.BLOCK, n.TEXT),
         (at("silu", beta=1.0, gates=True),)),
    Case("float16 mlp", _cast(n.mlp(nn.sigmoid, nn.softplus), np.float16, *PAIR),
         (sigmoid, at("softplus", beta=1.0))),
    Case("bfloat16 inside, float32 outside", _of(_mixed, *PAIR), (relu, tanh)),
)  # fmt: skip

CASES: tuple[Case, ...] = (
    *ACTIVATIONS, *NETWORKS, *LOSSES, *CONTEXTS, *FRAMEWORKS, *PRECISIONS,
)  # fmt: skip
