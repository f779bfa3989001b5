"""What differs between JAX releases, and everything taken from `jax.extend`: this file alone."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import jax
from jax.extend import core as extend
from jax.extend import source_info_util
from jax.interpreters import partial_eval

# Not resolved: code names its file by the way it was imported, through a link too.
_PACKAGE = Path(__file__).parent.parent
_ROOT = "relu_jax/tap/arguments.py"  # where every trace of ours begins
_JAX = Path(jax.__file__).parent
# Frames of these are never the user's line. relu_jax/models is: the activation is written there.
_FRAMEWORKS = (
    "jax", "jaxlib", "flax", "equinox", "haiku", "keras", "optax", "jaxtyping", "beartype",
)  # fmt: skip
# Folders of the rules that are known by their place, and what JAX wraps what it is given in.
_KNOWN = (f"{_JAX}/_src/", f"{_PACKAGE}/activations/", f"{_PACKAGE}/core/")
_WRAPPERS = ("WrappedFun", "Unhashable", "Hashable")
_PLAIN, _JAXES = (type(None), bool, str, dict), ("jax", "jaxlib")
_WRAPPED = ("f", "f_transformed", "func", "args", "val")
_OURS = ("core", "activations", "tap", "training", "analyses", "diagnosis", "cli.py")


class OpenJaxpr(NamedTuple):
    """A jaxpr and the values of its constants, whatever class this JAX release keeps them in."""

    jaxpr: Any
    consts: tuple[Any, ...]


def opened(jaxpr: Any) -> OpenJaxpr:
    """Split a Jaxpr or ClosedJaxpr into its body and its constants."""
    return OpenJaxpr(getattr(jaxpr, "jaxpr", jaxpr), tuple(getattr(jaxpr, "consts", ())))


def is_jaxpr(x: Any) -> bool:
    """Say whether a value is a Jaxpr or ClosedJaxpr."""
    return hasattr(getattr(x, "jaxpr", x), "eqns")


def inner_jaxprs(eqn: Any) -> list[Any]:
    """List the jaxprs an equation holds in its parameters, in order."""
    found = []
    for value in eqn.params.values():
        items = value if isinstance(value, tuple | list) else (value,)
        found.extend(item for item in items if is_jaxpr(item))
    return found


def primitive(name: str) -> Any:
    """Make a primitive of our own."""
    return extend.Primitive(name)


def is_for_one_device(ctx: Any) -> bool:
    """Say whether what is lowered runs here, on one device: neither exported nor sharded."""
    module = ctx.module_context
    alone = getattr(module.axis_context, "num_devices", None) == 1
    return alone and not module.lowering_parameters.for_export


def is_literal(atom: Any) -> bool:
    """Say whether an equation's operand is a constant written in place."""
    return isinstance(atom, extend.Literal)


def trace(f: Callable[..., Any], *args: Any) -> tuple[OpenJaxpr, Any]:
    """Trace a function of arrays to its jaxpr and the structure of its result."""
    jaxpr, shapes = jax.make_jaxpr(f, return_shape=True)(*args)
    return opened(jaxpr), shapes


def bind(eqn: Any, values: Sequence[Any]) -> list[Any]:
    """Run one equation on values, keeping its rule, its name stack and its source line."""
    params = eqn.primitive.get_bind_params(eqn.params)
    functions, params = params if isinstance(params, tuple) else ((), params)
    with standing_at(eqn):
        out = eqn.primitive.bind(*functions, *values, **params)
    return list(out) if eqn.primitive.multiple_results else [out]


@contextmanager
def standing_at(eqn: Any, line: Any = None) -> Iterator[None]:
    """Let what is computed inside have the source line, name stack and context of an equation.

    Args:
        eqn: the equation.
        line: another one, where that has the source line.
    """
    names = source_info_util.current_name_stack() + eqn.source_info.name_stack
    traceback = (line or eqn).source_info.traceback
    with source_info_util.user_context(traceback, name_stack=names), eqn.ctx.manager:
        yield


def scan_layout(eqn: Any) -> tuple[int, int]:
    """Count the constants and the carried values among a scan's operands."""
    params = eqn.params
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    places = params["ft_in"].update(range(len(eqn.invars))).unpack()
    consts, carry, _ = (list(part) for part in places)
    return len(consts), len(carry)


class While(NamedTuple):
    """The parts of a while loop; its operands are the two sorts of constants, then the state."""

    asked: Any  # its condition: a jaxpr of its constants and the state, to one bool
    body: Any
    condition_consts: int
    body_consts: int


def while_parts(eqn: Any) -> While:
    """Take a while loop apart."""
    params = eqn.params
    return While(
        params["cond_jaxpr"],
        params["body_jaxpr"],
        params["cond_nconsts"],
        params["body_nconsts"],
    )


def as_function(jaxpr: Any) -> Callable[..., list[Any]]:
    """Make a jaxpr of an equation a function of arrays."""
    return extend.jaxpr_as_fun(jaxpr)


def without_dead_code(f: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """Build the function without the equations of which no result is used.

    Args:
        f: a function of arrays, to a list of arrays.
    """

    def run(*args: Any) -> list[Any]:
        body, consts = trace(f, *args)[0]
        lean, _ = partial_eval.dce_jaxpr(body, [True] * len(body.outvars), instantiate=True)
        return closed_function(lean, consts)(*args)

    return run


def closed_function(jaxpr: Any, consts: Sequence[Any]) -> Callable[..., list[Any]]:
    """Make the body of a jaxpr and its constants a function of arrays."""
    return as_function(extend.ClosedJaxpr(jaxpr, consts))


def loop_layout(eqn: Any) -> tuple[int, int]:
    """Count the constants and the carried values among the operands of a loop's body."""
    if eqn.primitive.name != "while":
        return scan_layout(eqn)
    parts = while_parts(eqn)
    return parts.body_consts, len(eqn.outvars)


def chooses(eqn: Any) -> bool:
    """Say whether an equation is a cond or switch; not one by platform, decided when compiled."""
    return eqn.primitive.name == "cond" and not eqn.params.get("branches_platforms")


def is_transposed(eqn: Any) -> bool:
    """Say whether transposition made an equation: it belongs to a backward pass."""
    return "transpose" in _transforms(eqn)


def is_differentiated(eqn: Any) -> bool:
    """Say whether an equation is part of a derivative, or of what one is taken of."""
    return not {"jvp", "transpose"}.isdisjoint(_transforms(eqn))


def derivatives(eqn: Any) -> int:
    """Count the derivatives that an equation is part of, or of what they are taken of."""
    return _transforms(eqn).count("jvp")


def _transforms(eqn: Any) -> list[str]:
    stack = eqn.source_info.name_stack.stack
    return [e.name for e in stack if type(e).__name__ == "Transform"]


def plain_jit(eqn: Any) -> bool:
    """Say whether a nested jit asks for nothing beyond calling its body (no sharding named)."""
    shardings = (*eqn.params.get("in_shardings", ()), *eqn.params.get("out_shardings", ()))
    return all(type(s).__name__ == "UnspecifiedValue" for s in shardings)


def frames(eqn: Any) -> Iterator[tuple[str, int]]:
    """Yield (file, line) of the calls that made an equation, innermost first."""
    traceback = eqn.source_info.traceback
    for frame in getattr(traceback, "frames", ()):
        yield frame.file_name, frame.line_num


def is_stood_in(eqn: Any) -> bool:
    """Say whether an equation in a nested jit was made by `standing_at`: it knows all its callers.

    JAX cuts what it writes down of a body at the jit itself.
    """
    return any(file.endswith(_ROOT) for file, _ in frames(eqn))


def user_frames(eqn: Any) -> list[tuple[str, int]]:
    """List the frames that are neither JAX's, a framework's nor this tool's, innermost first.

    JAX traces the body of a nested jit once for all calls of one shape: its frames are those of the
    first call.
    """
    return [(file, line) for file, line in frames(eqn) if _is_user_file(file)]


@lru_cache(maxsize=4096)
def _is_user_file(file: str) -> bool:
    path = Path(file)
    if path.is_relative_to(_PACKAGE):
        return path.relative_to(_PACKAGE).parts[0] not in _OURS
    parts = path.parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1] not in _FRAMEWORKS
    return not (file.startswith("<") or "/lib/python3" in file)


def rule_identity(eqn: Any) -> Any:
    """Tell derivative rules apart: two functions may share a body and differ in their rule.

    Each call of a function makes new rule objects, so those of JAX itself and of our catalogue are
    known by the place of their definition and by what they are given (the slopes of `AtKinks`);
    others by identity. A rule of a user's may be put around a function of JAX.
    """
    rules = [eqn.params[k] for k in ("jvp_jaxpr_fun", "bwd", "fwd_jaxpr_thunk") if k in eqn.params]
    if not rules:
        return None
    place, parts = _place(eqn), list(_parts(rules, set()))
    files = [part.__code__.co_filename for part in parts if isinstance(part, FunctionType)]
    given = tuple(part for part in parts if not isinstance(part, FunctionType))
    known = all(any(folder in s for folder in _KNOWN) for s in (place, *files))
    if known and all(isinstance(x, int | float) or _is_of(x, _PACKAGE.name) for x in given):
        return (place, *given)
    return id(rules[0])


def _parts(rule: Any, seen: set[int]) -> Iterator[Any]:
    """Yield the functions that a rule is made of, and what they were given, but for JAX's own."""
    if id(rule) in seen:
        return
    seen.add(id(rule))
    inner: Iterable[Any] = ()
    if isinstance(rule, FunctionType):
        yield rule
        inner = map(_contents, rule.__closure__ or ())
    elif isinstance(rule, tuple | list):
        inner = rule
    elif isinstance(rule, partial) or type(rule).__name__ in _WRAPPERS:
        inner = (getattr(rule, k) for k in _WRAPPED if hasattr(rule, k))
    elif not isinstance(rule, _PLAIN) and type(rule) is not object and not _is_of(rule, *_JAXES):
        yield rule
    for one in inner:
        yield from _parts(one, seen)


def _is_of(x: Any, *packages: str) -> bool:
    """Say whether an object's class is one of a package's."""
    return type(x).__module__.partition(".")[0] in packages


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def rounds(eqn: Any) -> bool:
    """Say whether an equation is core.numerics' rounding by bits, with its rule or without."""
    if len(inner_jaxprs(eqn)) != 1 or len(eqn.outvars) != 1:
        return False
    name, _, file = _place(eqn).partition(" at ")
    own = file.startswith(f"{_PACKAGE}/core/numerics.py")
    return own and name in ("bfloat16_by_bits", "_by_bits")


def is_lean(eqn: Any) -> bool:
    """Say whether an equation is an activation that `lean` has changed."""
    return bool(inner_jaxprs(eqn)) and f"{_PACKAGE}/tap/lean.py" in _place(eqn)


def _place(eqn: Any) -> str:
    return str(getattr(opened(inner_jaxprs(eqn)[0]).jaxpr.debug_info, "func_src_info", ""))
