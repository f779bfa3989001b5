"""Is it said plainly what was not understood?"""

import math

from relu_jax.report.coverage import complete, coverage_words


def test_unknown_and_opaque_parts_are_named():
    told = coverage_words({
        "chains": 12, "recognised": 9, "unknown": 1,
        "ignored": {"softmax": 2, "layer norm": 1}, "opaque": ["while at model.py:9"],
    })  # fmt: skip
    assert told == (
        "12 elementwise chains, 9 recognised, 1 unknown; set aside: softmax 2, layer norm 1; "
        "opaque: while at model.py:9."
    )


def test_missing_counts_are_dashes_and_names_are_made_visible():
    told = coverage_words({"chains": math.nan, "ignored": {"a\n": 1}})
    assert told.startswith("NaN elementwise chains, – recognised")
    assert "a\\n 1" in told
    assert coverage_words(None) == coverage_words({}) == "Not recorded."


def test_complete_means_nothing_unknown_and_nothing_opaque():
    assert complete({"chains": 3, "recognised": 3, "unknown": 0, "opaque": []})
    assert not complete({"unknown": 0, "opaque": ["while"]})
    assert not complete({"unknown": 2, "opaque": []})
