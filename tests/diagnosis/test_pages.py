"""Are all kinds of results written on one page, each under its name?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import relu_jax as rj
from relu_jax.core.errors import UsageError
from relu_jax.diagnosis.comparison import AS_IS, compared
from relu_jax.diagnosis.series import stacked
from tests.diagnosis.test_comparison import NOTHING, diagnosed, trials
from tests.diagnosis.test_series import row


def test_every_part_is_there_under_its_name(tmp_path):
    page = tmp_path / "page.html"
    square = np.eye(2)
    parts = {
        "the values": rj.analyses.singular_values(lambda x: 3 * x[:, :2], jnp.ones((5, 4))),
        "the slice": rj.analyses.cells(
            lambda x: jax.nn.relu(x - 0.25), jnp.zeros(2), square[0], square[1]
        ),
        "the start": diagnosed(),
        "the run": stacked([row(i) for i in range(12)]),
        "the trials": compared([(AS_IS, trials(diagnosed()), NOTHING)], steps=1),
    }
    rj.diagnosis.report(page, parts, title="All of it")
    text = page.read_text()
    assert "All of it" in text
    for name in (
        "the values",
        "the slice",
        "the start",
        "the run: all that was measured is finite",
        "the trials: none of 0",
    ):
        assert name in text


def test_what_is_no_result_is_refused(tmp_path):
    with pytest.raises(TypeError, match="rankings, spectra and slices; got int 3 as 'x'"):
        rj.diagnosis.report(tmp_path / "page.html", {"x": 3})
    with pytest.raises(TypeError, match="the parts of a page have names; got list"):
        rj.diagnosis.report(tmp_path / "page.html", [diagnosed()])
    with pytest.raises(ValueError, match="a page has a part; got none"):
        rj.diagnosis.report(tmp_path / "page.html", {})
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_kept(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("mine")
    with pytest.raises(UsageError, match="force"):
        rj.diagnosis.report(page, {"x": diagnosed()})
    assert page.read_text() == "mine"
