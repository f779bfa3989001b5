"""What the tap tells: sites, linear maps, and how much of the program it covered."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple, SupportsIndex, overload

from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.tap import recognise


class Site(NamedTuple):
    """One place where a program applies a non-linear function of one array, element by element.

    Example:
        >>> import jax, relu_jax as rj
        >>> (site,) = rj.tap.sites(jax.nn.relu, jax.ShapeDtypeStruct((2, 3), "float32"))
        >>> site.kind, site.shape, site.slope_at_kinks
        ('relu', (2, 3), (0.0,))
    """

    id: str  # unique in the program; the same whatever the activation and the batch size
    kind: str  # name in the catalogue, or "unknown"
    params: dict[str, float]  # the catalogue parameters the program's values solve for
    slope_at_kinks: tuple[float, ...]  # the program's own derivative there; NaN: not measurable
    path: str  # leaf of the weight that feeds the site; "" where none does
    source: str  # "file.py:12" in the user's code; "" where JAX kept no traceback
    shape: tuple[int, ...]  # of the array the function is applied to, inside any loop or shard_map
    dtype: str
    unit_axes: tuple[int, ...]  # axes of `shape` that count units; the others count samples
    count: int  # runs per call (in a branch, at most): the product of the lengths of the loops
    gates: bool  # whether the result multiplies another array, as in a gated unit
    loop: str  # "", "layers" (turns have weights of their own: stacked, or split) or "steps"
    # Turns of the scans, and shards of the shard_maps, around the site, outermost first.
    loops: tuple[int, ...]
    # Per loop, how its turns follow one another: 1 from the first on, -1 from the last back
    # (reverse=True), 0 where none takes anything from another (lax.map, shard_map).
    order: tuple[int, ...]
    # What the catalogue calls the function together with constant factors and terms around it:
    # 0.5 tanh(3 x) is a tanh of 3 x, and scaled_tanh(scale=0.5, rate=3) of x.
    scaled: tuple[str, ...] = ()
    # The branches it stands in, outermost first, as (which cond or switch of the program, which of
    # its branches): it runs only where they are taken. Of lax.cond, 0 is the false branch.
    branch: tuple[tuple[int, int], ...] = ()
    in_while: bool = False  # in a while loop: what is seen of it is the last turn

    @property
    def may_not_run(self) -> bool:
        """Whether a call may pass it by: it stands in a branch, or in a while loop."""
        return bool(self.branch) or self.in_while

    @property
    def also(self) -> tuple[str, ...]:
        """Other names of the same function in the catalogue, with their parameters.

        Empty for an unknown function, and where a parameter is an array of the program.
        """
        told = self.kind != "unknown" and all(map(math.isfinite, self.params.values()))
        return recognise.also(self.kind, tuple(self.params.items())) if told else ()


class Linear(NamedTuple):
    """One product or convolution with a weight, and what stands between it and the ones before."""

    path: str
    source: str
    n_in: int
    n_out: int
    after: tuple[str, ...]  # paths of linear maps that reach its input through affine maps alone
    sites: tuple[str, ...]  # ids of the sites whose result is its input
    forked: bool = False  # whether what `after` gives goes elsewhere too, as into a residual sum
    groups: int = 1  # of a grouped convolution; 1 where every output reads every input


class Coverage(NamedTuple):
    """How much of the program the answer speaks for.

    Example:
        >>> print(Coverage(3, 2, 0, {"softmax": 1}, ()))
        3 elementwise chains: 2 recognised, 0 unknown, 1 softmax; nothing opaque
    """

    chains: int  # non-linear elementwise chains seen
    recognised: int
    unknown: int
    ignored: dict[str, int]  # named for what they are: softmax, normalisation, loss, …
    opaque: tuple[str, ...]  # what was left exactly as it is, unentered

    def __str__(self) -> str:
        named = "".join(f", {n} {what}" for what, n in sorted(self.ignored.items()))
        opaque = f"opaque: {', '.join(self.opaque)}" if self.opaque else "nothing opaque"
        return (
            f"{self.chains} elementwise chains: {self.recognised} recognised, "
            f"{self.unknown} unknown{named}; {opaque}"
        )


class Tapped(NamedTuple):
    """What stood at a site: the argument and the result of its function, and their cotangents.

    Inside a loop each array has one leading axis per loop, inside a shard_map one of its shards.
    `d_pre` and `d_post` are None where cotangents were not asked for, or cannot be had (inside a
    user's own derivative rule, or a while loop, of which `pre` and `post` are those of the last
    turn). `ran` tells whether the site's branch was taken, or its while loop had a turn, and is
    None where it always runs; where it did not run, `pre` and `post` are NaN, and the cotangents 0.
    """

    pre: Array
    post: Array
    d_pre: Array | None = None
    d_post: Array | None = None
    ran: Array | None = None


class Cotangent(NamedTuple):
    """What was made of the cotangents that reach a site's argument and its result."""

    pre: Any
    post: Any


class Sites(tuple[Site, ...]):
    """The sites of a program in the order they run, with what else was seen; prints as a table.

    Raises:
        KeyError: it is asked for an id that no site has.

    Example:
        >>> import jax, relu_jax as rj
        >>> print(rj.tap.sites(jax.numpy.tanh, jax.ShapeDtypeStruct((2,), "float32")).coverage)
        1 elementwise chains: 1 recognised, 0 unknown; nothing opaque
        >>> rj.tap.sites(jax.nn.relu, jax.ShapeDtypeStruct((2,), "float32"))["site#1"].kind
        'relu'
    """

    coverage: Coverage
    linear: tuple[Linear, ...]

    def __new__(
        cls, sites: Iterable[Site], coverage: Coverage, linear: Iterable[Linear]
    ) -> "Sites":
        """Bind the sites to the coverage statement and the linear maps."""
        self = super().__new__(cls, tuple(sites))
        self.coverage, self.linear = coverage, tuple(linear)
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Tell copy and pickle what to make it of."""
        return tuple(self), self.coverage, self.linear

    def __contains__(self, key: object) -> bool:
        """Say whether there is such a site, or one of this id."""
        return super().__contains__(key) or any(site.id == key for site in self)

    @overload
    def __getitem__(self, key: SupportsIndex) -> Site: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Site, ...]: ...
    @overload
    def __getitem__(self, key: str) -> Site: ...
    def __getitem__(self, key: SupportsIndex | slice | str) -> Site | tuple[Site, ...]:
        """Look a site up by its id, or by its place as in any tuple."""
        if not isinstance(key, str):
            return super().__getitem__(key)
        for site in self:
            if site.id == key:
                return site
        near = errors.nearest(key, (site.id for site in self))
        raise errors.rejected(
            rule="a text is the id of a site",
            got=f"{key!r}, which none of {len(self)} sites has",
            do=f"try one of {', '.join(near)}" if near else "print the sites",
            kind=KeyError,
        )

    def __str__(self) -> str:
        rows = [("id", "kind", "slope at kinks", "shape", "dtype", "unit axes", "count", "source")]
        rows += [_row(site) for site in self]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, str(self.coverage)])


def _count(site: Site) -> str:
    if site.in_while:
        return "while" if site.count == 1 else f"while × {site.count}"
    return f"at most {site.count}" if site.branch else str(site.count)


def _row(site: Site) -> tuple[str, ...]:
    return (
        site.id,
        recognise.told(site.kind, site.params),
        ", ".join(f"{slope:.4g}" for slope in site.slope_at_kinks) or "–",
        "×".join(map(str, site.shape)) or "scalar",
        site.dtype,
        ", ".join(map(str, site.unit_axes)) or "–",
        _count(site),
        site.source or "–",
    )
