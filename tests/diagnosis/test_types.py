"""Does a finding read as a sentence?"""

from relu_jax.diagnosis.types import Finding, shown


def test_a_finding_says_where_what_and_what_to_do():
    found = Finding("saturated", "warning", "a", "It is flat.", {}, "Scale it.", "x")
    assert str(found) == "warning  saturated at a: It is flat. Scale it."


def test_a_finding_about_the_whole_network_has_no_place():
    found = Finding("no_activation", "info", "", "None.", {}, "Add one.", "x")
    assert str(found) == "info  no_activation: None. Add one."


def test_a_name_is_one_short_line():
    assert shown("a\n\x1b[31mb\u202ec") == r"a\n\x1b[31mb\u202ec"
    assert shown("x" * 500) == "x" * 59 + "…"
    assert shown("層/0 👩") == "層/0 👩"
