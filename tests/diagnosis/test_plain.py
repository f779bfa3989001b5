"""Is plain data what the tuples were, and do tuples come back?"""

from relu_jax.core.strict_json import from_json, to_json
from relu_jax.diagnosis.plain import plain, tuples
from relu_jax.diagnosis.types import Flow, Histogram
from tests.diagnosis import made


def test_named_tuples_are_dicts_at_any_depth():
    told = plain(made.report("a", params={"slope": 0.25}))
    assert told["site"]["params"] == {"slope": 0.25}
    assert told["hist_pre"] == {
        "edges": [-1.0, 0.0, 1.0], "counts": [3, 4], "below": 1, "above": 0, "zeros": None
    }  # fmt: skip
    assert plain((Flow(1.0, None, 2.0, None),)) == [Flow(1.0, None, 2.0, None)._asdict()]


def test_plain_data_goes_through_json_and_back():
    kept = Histogram((0.0, 1.0), (2,), 0, 0)
    back = from_json(to_json(plain(kept)))
    assert Histogram(**{name: tuples(value) for name, value in back.items()}) == kept


def test_what_is_no_tuple_stays():
    assert plain("text") == tuples("text") == "text"
    assert plain(None) is tuples(None) is None
