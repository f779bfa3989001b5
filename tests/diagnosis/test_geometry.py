"""Is what a page tells of spectra and slices what the analyses found?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import relu_jax as rj
from relu_jax.core.strict_json import to_json
from relu_jax.diagnosis import geometry

W = jax.random.normal(jax.random.key(0), (3, 6, 6))


def f(x):
    return jax.nn.relu(jax.nn.relu(x @ W[0]) @ W[1]) @ W[2]


def test_a_spectrum_is_told_by_rank():
    found = rj.analyses.singular_values(f, jax.random.normal(jax.random.key(1), (7, 6)))
    told = geometry.spectrum("mine", found)
    assert to_json(told)
    assert (told["name"], told["examples"], told["n_out"], told["whole"]) == ("mine", 7, 6, True)
    assert told["high"] == found.values.max(axis=0).tolist()
    assert told["median"] == np.median(found.values, axis=0).tolist()
    assert told["numbers"]["rank"] == np.median(found.rank)


def test_what_theory_expects_is_told_beside_them():
    found = rj.analyses.singular_values(f, jax.random.normal(jax.random.key(1), (2, 6)))
    assert "expected" not in geometry.spectrum("mine", found)
    expected = np.linspace(2, 0, 6)
    assert geometry.spectrum("mine", found.beside(expected))["expected"] == expected.tolist()


def test_cells_are_told_as_polygons_that_fill_the_slice():
    x = np.asarray(jax.random.normal(jax.random.key(2), (3, 6)))
    found = rj.analyses.cells(f, x[0], x[1] - x[0], x[2] - x[0])
    told = geometry.slice_of("mine", found)
    assert to_json(told)
    assert told["cells"] == found.count == len(told["polygons"]) == len(told["strongest"])
    areas = []
    for polygon in told["polygons"]:
        a = np.asarray(polygon).reshape(-1, 2) / told["grid"]
        b = np.roll(a, -1, axis=0)
        areas.append(abs(np.sum(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])) / 2)
    assert sum(areas) == pytest.approx(1, abs=0.01)
    for i in (0, found.count - 1):
        s, t = found.polygon(i).mean(axis=0)
        y = f(jnp.asarray(x[0] + s * (x[1] - x[0]) + t * (x[2] - x[0]))[None])[0]
        assert told["strongest"][i] == int(jnp.argmax(y))
        assert told["value"][i] == pytest.approx(float(jnp.max(y)), rel=1e-3, abs=1e-4)


def test_more_cells_than_a_page_can_draw_are_refused(monkeypatch):
    monkeypatch.setattr(geometry, "MOST_CELLS", 3)
    found = rj.analyses.cells(
        lambda x: jax.nn.relu(x - 0.25), jnp.zeros(2), jnp.eye(2)[0], jnp.eye(2)[1]
    )
    with pytest.raises(ValueError, match="at most 3 cells; got 4 as 'mine'; take shorter sides"):
        geometry.slice_of("mine", found)


def test_examples_that_are_not_finite_are_left_out_and_counted():
    x = jnp.ones((5, 3)).at[0, 0].set(-1.0)
    found = rj.analyses.singular_values(lambda x: 2 * jnp.sqrt(x), x)
    told = geometry.spectrum("mine", found)
    assert (told["examples"], told["nonfinite"], told["median"]) == (4, 1, [1.0] * 3)
    assert told["numbers"]["rank"] == 3
    none = rj.analyses.singular_values(lambda x: 2 * jnp.sqrt(x), x[:1])
    told = geometry.spectrum("mine", none)
    assert (told["examples"], told["median"], told["numbers"]["rank"]) == (0, [], None)
