"""Does the tap find what random programs hold, and leave their numbers as they are?

Each test takes ten programs. RELU_JAX_FUZZ tells how many there are in all; `make fuzz` asks for
10,000.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax import tap
from relu_jax.activations import get
from tests.tap import members
from tests.tap.fuzz.fillers import KEPT
from tests.tap.fuzz.programs import primitives, write
from tests.tap.oracles import near, weighted

pytestmark = [
    pytest.mark.standard_promotion("the activations are spelled as users write them"),
    pytest.mark.leaks_unchecked("it collects garbage at every trace: test_observe.py has it"),
]

COUNT = int(os.environ.get("RELU_JAX_FUZZ", "500"))
FORGETS = jax.__version_info__ < (0, 12)  # JAX the rules in loops: of some there is no trace
STEPS = {"heaviside", "sign"}  # of slope 0 everywhere
THOROUGH = pytest.mark.thorough("the default tests have the first programs")


def _blocks(count, default):
    """Cut seeds into tens; all but the default ones are thorough."""
    starts = range(0, count, 10)
    return [
        pytest.param(range(i, i + 10), id=str(i), marks=THOROUGH if i >= default else ())
        for i in starts
    ]


@pytest.fixture(autouse=True)
def _as_users_write():
    with jax.numpy_rank_promotion("allow"):
        yield
    jax.clear_caches()  # of ten programs: 10,000 would fill the memory


def _loss(program):
    return lambda params, x: weighted(program.plain(params, x))


def _is(site, row, *, whole=False, dropped=False):
    """Say whether a site is what a row spells: on its own, or with a factor and a term around."""
    own, around = members.names(site)
    params = get(row.kind, **row.params).params
    told = [*own, *around] if whole else own
    if (
        dropped and row.kind == "scaled_tanh"
    ):  # its scale takes in what a dropout after it divides by
        grown = {**params, "scale": params["scale"] / KEPT}
        return any(members.is_among(told, row.kind, p) for p in (params, grown))
    return members.is_among(told, row.kind, params)


def _agrees(site, planted, *, words="", graded=False, cut=False):
    """Compare a site with what was planted there: its name, where it stands, its slope at kinks."""
    row = planted.row
    assert _is(site, row, whole=True, dropped="dropout" in words), (
        row.label,
        site.kind,
        site.params,
    )
    assert (site.loops, site.gates, site.in_while) == (
        planted.loops, planted.gates, planted.looped,
    ), row.label  # fmt: skip
    if row.slopes and _is(site, row):
        forgotten = graded and FORGETS and row.label == "hard_tanh: straight through"
        if not ((forgotten or cut) and np.isnan(site.slope_at_kinks).all()):
            np.testing.assert_allclose(site.slope_at_kinks, row.slopes, rtol=1e-5)


def _check_sites(program, sites, *, graded=False):
    told, planted = [site.kind for site in sites], [one.row.label for one in program.planted]
    assert len(told) == len(planted), (told, planted)
    for i, (site, one) in enumerate(zip(sites, program.planted, strict=True)):
        ahead = {after.row.kind for after in program.planted[i + 1 : i + 2]}
        # In a branch: no gradient arrives there, and JAX leaves no trace of the slope.
        cut = graded and bool(site.branch) and not ahead.isdisjoint(STEPS)
        _agrees(site, one, words=program.words, graded=graded, cut=cut)


def _runs(program, sites):
    """Build value and gradient of the program, of the tapped one, and of the self-swapped one."""
    loss = _loss(program)
    open_to_change = {
        site.id: one.row.f
        for site, one in zip(sites, program.planted, strict=True)
        if not one.blind and _is(site, one.row)
    }
    swapped = tap.swap(loss, open_to_change)
    tapped = tap.observed_value_and_grad(loss, lambda *ends: ends[2:], lambda _site, ct: ct)

    def tapped_alone(params, x):
        return tapped(params, x)[:2]

    return [jax.value_and_grad(loss), tapped_alone, jax.value_and_grad(swapped)]


def _check_numbers(program, sites):
    runs, args = _runs(program, sites), (program.params, program.x)
    # One program computes them all, so that XLA rounds equal equations alike.
    try:
        together = jax.jit(lambda *args: [run(*args) for run in runs])
        plain, tapped, swapped = jax.block_until_ready(together(*args))
    except jax.errors.JaxRuntimeError:  # XLA's own: a Fourier transform before a triangular solve
        with pytest.raises(jax.errors.JaxRuntimeError):
            jax.block_until_ready(jax.jit(runs[0])(*args))
        return
    jax.tree.map(np.testing.assert_array_equal, tapped, plain)
    try:
        jax.tree.map(np.testing.assert_array_equal, swapped, plain)
    except AssertionError:
        # Where a vmap exchanged axes they are exchanged elsewhere, and XLA may add up a product in
        # another order: equation by equation every number is the same.
        jax.tree.map(near, swapped, plain)
        with jax.disable_jit():
            plain, swapped = runs[0](*args), runs[2](*args)
        jax.tree.map(np.testing.assert_array_equal, swapped, plain)


@pytest.mark.parametrize("seeds", _blocks(COUNT, 10))
def test_planted_activations_are_found_and_no_number_changes(seeds):
    for seed in seeds:
        program = write(seed)
        args = (program.params, program.x)
        try:
            sites = tap.sites(program.plain, *args)
            _check_sites(program, sites)
            differentiated = tap.sites(jax.value_and_grad(_loss(program)), *args)
            _check_sites(program, differentiated, graded=True)
            _check_numbers(program, sites)
        except Exception as error:
            error.add_note(f"program {seed}: {program.words}")
            raise


@pytest.mark.parametrize("seeds", _blocks(min(COUNT, 100), 10))
def test_cotangents_are_the_gradients_for_zeros_added_there(seeds):
    for seed in seeds:
        program = write(seed)
        try:
            _check_cotangents(program)
        except Exception as error:
            error.add_note(f"program {seed}: {program.words}")
            raise


def _check_cotangents(program):
    pairs = tap.sites(program.plain, program.params, program.x)

    def run(params, x):
        _, seen = tap.cotangents(_loss(program))(params, x)
        probes = jax.grad(lambda probes: weighted(program.model(params, probes, x)))(program.probes)
        return {name: (ends.d_pre, ends.d_post) for name, ends in seen.items()}, probes

    seen, probes = jax.jit(run)(program.params, program.x)
    ends = iter(jax.tree.leaves(probes))
    for site, one in zip(pairs, program.planted, strict=True):
        if one.looped:
            continue
        pre, post = next(ends), next(ends)
        if not one.blind:
            _same(seen[site.id][0], pre)
            if _is(site, one.row):  # else a factor lies between
                _same(seen[site.id][1], post)


def _same(got, want):
    """Compare up to rounding, whatever the order of the axes: a vmap chooses it."""
    assert sorted(got.shape) == sorted(want.shape)
    near(np.sort(got, axis=None), np.sort(want, axis=None))


def test_the_programs_hold_many_primitives_and_what_holds_others():
    found: set[str] = set()
    for seed in range(60):
        program = write(seed)
        found |= primitives(jax.make_jaxpr(program.plain)(program.params, program.x).jaxpr)
    assert len(found) >= 60
    assert found >= {
        "jit", "cond", "scan", "while", "remat2", "custom_jvp_call", "custom_vjp_call",
        "dot_general", "conv_general_dilated", "random_bits", "sort", "gather", "scatter-add",
    }  # fmt: skip


def test_a_missed_activation_and_another_one_are_noticed():
    program = next(p for p in map(write, range(60)) if len(p.planted) > 1)
    sites = tap.sites(program.plain, program.params, program.x)
    with pytest.raises(AssertionError):
        _check_sites(program, sites[1:])
    with pytest.raises(AssertionError):
        _agrees(sites[0]._replace(gates=not sites[0].gates), program.planted[0])
    with pytest.raises(AssertionError):
        _same(jnp.ones(3), np.float32([1, 1, 1.001]))
