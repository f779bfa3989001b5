"""The shipped digits: what they hold, that no bit is lost, how they split."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from relu_jax.core.errors import DataError
from relu_jax.data import load, split
from relu_jax.data.digits import FILE


def test_digits_hold_the_published_counts_and_range():
    digits = load()
    assert digits.images.shape == (1797, 64)
    assert digits.images.dtype == np.float32
    assert digits.labels.dtype == np.int32
    assert (digits.images.min(), digits.images.max()) == (0, 1)
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(digits.labels).tolist() == counts


def test_first_image_is_the_zero_of_the_source():
    first = load().images[0] * 16
    assert first[:8].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert first.sum() == 294


def test_callers_cannot_change_each_others_digits():
    load().images[:] = 7
    assert load().images.max() == 1


def test_one_flipped_bit_is_refused_with_the_name_of_the_file(tmp_path):
    content = bytearray(FILE.read_bytes())
    content[20_000] ^= 1
    damaged = tmp_path / "digits.npz"
    damaged.write_bytes(content)
    with pytest.raises(DataError, match=r"digits.npz has the SHA-256 sum .*; got .*; the file is"):
        load(damaged)


def test_missing_file_is_refused_without_its_folder(tmp_path):
    with pytest.raises(DataError, match=r"digits lie in digits.npz.*No such file.*install") as told:
        load(tmp_path / "digits.npz")
    assert str(tmp_path) not in str(told.value)


def test_a_path_may_be_text():
    assert load(str(FILE)).labels.shape == (1797,)
    with pytest.raises(
        DataError, match="the digits lie in nope; got No such file or directory; le"
    ):
        load("/nope")


SEEDS = """
from relu_jax.data import split
for seed in (0.5, 0.0, "0", None):
    try:
        split(seed=seed)
    except TypeError as error:
        print(error)
"""


def test_a_seed_that_is_no_integer_is_refused():
    # As without pytest, whose checks of annotations would speak first.
    run = subprocess.run([sys.executable, "-c", SEEDS], check=True, capture_output=True, text=True)
    assert run.stdout.splitlines() == [
        f"seed is an integer; got {got}; pass a whole number as seed"
        for got in ("float 0.5", "float 0.0", "str '0'", "None")
    ]


def test_split_is_disjoint_complete_and_fixed():
    parts = split()
    assert [len(part.labels) for part in parts] == [1257, 270, 270]
    rows = np.concatenate([part.images for part in parts])
    assert len(np.unique(rows, axis=0)) == 1797
    assert sorted(map(bytes, rows)) == sorted(map(bytes, load().images))
    order = hashlib.sha256(rows.tobytes()).hexdigest()
    assert order[:16] == "3eb810ea11dc13bf"


def test_every_class_is_in_every_part():
    for part in split():
        assert np.bincount(part.labels, minlength=10).min() >= 10


def test_another_seed_gives_another_split():
    assert (split(0).test.labels != split(1).test.labels).any()


def test_data_imports_no_jax():
    code = "import sys, relu_jax.data; relu_jax.data.split(); sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
