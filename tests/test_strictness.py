"""Is every test really run under the strict rules, and can none be left without a reason?"""

import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest
from jax.dtypes import TypePromotionError

KEPT = []


@pytest.fixture
def rules(request):
    """Give the hooks of conftest.py."""
    return request.config.pluginmanager.get_plugin(str(Path(__file__).with_name("conftest.py")))


def marked(*marks):
    """Stand in for a collected test that carries these marks."""
    found = {mark.name: mark for mark in marks}
    return SimpleNamespace(nodeid="tests/test_x.py::test_x", get_closest_marker=found.get)


def leak():
    """Let a tracer escape."""
    jax.jit(KEPT.append)(1.0)
    KEPT.clear()


def test_ranks_are_not_promoted():
    with pytest.raises(ValueError, match="rank_promotion"):
        jnp.ones((2, 3)) + jnp.ones(3)


def test_dtypes_are_not_promoted():
    with pytest.raises(TypePromotionError, match="no available implicit dtype promotion path"):
        jnp.ones(2, jnp.float32) + jnp.ones(2, jnp.int32)


@pytest.mark.standard_promotion("this is the opt-out under test")
def test_dtypes_are_promoted_where_a_test_opts_out():
    assert (jnp.ones(2, jnp.float32) + jnp.ones(2, jnp.int32)).dtype == jnp.float32


def test_warnings_are_errors():
    with pytest.raises(UserWarning, match="look out"):
        warnings.warn("look out", stacklevel=1)


def test_escaped_tracers_are_errors():
    with pytest.raises(Exception, match=r"[Ll]eaked"):
        leak()
    KEPT.clear()


@pytest.mark.leaks_unchecked("this is the opt-out under test")
def test_escaped_tracers_pass_where_a_test_opts_out():
    leak()


@pytest.mark.parametrize("name", ["leaks_unchecked", "standard_promotion", "thorough"])
def test_an_opt_out_needs_its_reason(rules, name):
    rules.refuse_bare_marks([marked(getattr(pytest.mark, name)("a reason").mark)])
    for bare in (getattr(pytest.mark, name), getattr(pytest.mark, name)(" ")):
        with pytest.raises(pytest.UsageError, match=f"{name} needs its reason in words"):
            rules.refuse_bare_marks([marked(bare.mark)])


def test_data_tests_are_skipped_without_data(rules, monkeypatch, tmp_path):
    monkeypatch.setenv("RELU_JAX_DATA", str(tmp_path))
    rules.pytest_runtest_setup(marked(pytest.mark.data.mark))
    monkeypatch.delenv("RELU_JAX_DATA")
    with pytest.raises(pytest.skip.Exception, match="RELU_JAX_DATA names no folder"):
        rules.pytest_runtest_setup(marked(pytest.mark.data.mark))


def test_browser_tests_are_skipped_without_browser_unless_one_is_required(rules, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.delenv("RELU_JAX_REQUIRE_BROWSER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="chromium, chromedriver is not installed"):
        rules.pytest_runtest_setup(marked(pytest.mark.browser.mark))
    monkeypatch.setenv("RELU_JAX_REQUIRE_BROWSER", "1")
    with pytest.raises(pytest.fail.Exception, match="chromium, chromedriver is not installed"):
        rules.pytest_runtest_setup(marked(pytest.mark.browser.mark))
