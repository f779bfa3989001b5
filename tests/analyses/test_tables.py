"""Do cells of a column stand below each other?"""

from relu_jax.analyses.tables import columns


def test_words_stand_left_and_numbers_right():
    rows = [("a", "long head", "n"), ("longer", "b", "1,000")]
    assert columns(rows, left=2).splitlines() == [
        "a       long head      n",
        "longer  b          1,000",
    ]
