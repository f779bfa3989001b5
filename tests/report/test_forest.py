"""Do dots and intervals stand where their numbers are?"""

import math
from xml.etree import ElementTree

from relu_jax.report.forest import Interval, forest


def drawn(*rows):
    return ElementTree.fromstring(forest(rows, "label", "axis"))


def test_a_dot_lies_within_its_interval_and_beside_zero():
    root = drawn(Interval("a", 1.0, 0.5, 1.5))
    (dot,) = root.iter("circle")
    (zero,) = [e for e in root.iter("line") if e.get("class") == "zero"]
    (line,) = [e for e in root.iter("line") if e.get("class") == "line"]
    at = float(dot.get("cx"))
    assert float(zero.get("x1")) < float(line.get("x1")) < at < float(line.get("x2"))
    assert abs(at - (float(line.get("x1")) + float(line.get("x2"))) / 2) < 0.2


def test_a_loss_lies_on_the_other_side_of_zero():
    root = drawn(Interval("a", -1.0, -2.0, -0.5), Interval("b", 1.0))
    first, second = (float(e.get("cx")) for e in root.iter("circle"))
    (zero,) = [float(e.get("x1")) for e in root.iter("line") if e.get("class") == "zero"]
    assert first < zero < second


def test_no_interval_is_a_dot_alone():
    root = drawn(Interval("a", 1.0))
    assert [e.get("class") for e in root.iter("line") if e.get("class") == "line"] == []


def test_what_is_not_finite_is_written():
    root = drawn(Interval("a", math.inf), Interval("b", math.nan), Interval("c", None))
    texts = [e.text for e in root.iter("text")]
    assert {"∞", "NaN", "–"} <= set(texts)
    assert list(root.iter("circle")) == []


def test_no_rows():
    assert list(drawn().iter("circle")) == []
