"""Which real images come with the package, and how are they split?

The UCI handwritten digits (files/SOURCE.md has origin and licence): small enough to ship,
real enough that a network can fail on them.
"""

import hashlib
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32

from relu_jax.core import errors
from relu_jax.data.batches import permutation

FILE = Path(__file__).parent / "files" / "digits.npz"
SHA256 = "82393b63ff69dea89fa95eeef924870ebc186df1f35d7c46a617cb6112d8f2bc"
CLASSES = 10
SIZES = (1257, 270, 270)
# Beyond any epoch: the split shares no stream with the order of an epoch of the same seed.
SPLIT_STREAM = 2**64 - 1


class Digits(NamedTuple):
    """Images with their labels, one row each."""

    images: Float32[np.ndarray, "N D"]  # 8 x 8 pixels, row by row; ink as a fraction in [0, 1]
    labels: Int32[np.ndarray, " N"]  # the digit, 0 to 9


class Splits(NamedTuple):
    """Disjoint parts that together hold every image once."""

    train: Digits  # 1,257 images
    validation: Digits  # 270
    test: Digits  # 270


def load(path: str | Path = FILE) -> Digits:
    """Load all 1,797 digits, in the order of the source.

    Args:
        path: the file; the default ships with the package.

    Returns:
        New arrays, so a caller may change them.

    Raises:
        DataError: the file is missing, or a single bit of it has changed.

    Source: Alpaydin & Kaynak 1998, UCI Machine Learning Repository, CC BY 4.0.

    Example:
        >>> digits = load()
        >>> digits.images.shape, digits.labels[:5].tolist()
        ((1797, 64), [0, 1, 2, 3, 4])
    """
    content = _checked(Path(path))
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        pixels, labels = stored["pixels"], stored["labels"]
    images = pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(16)
    return Digits(images, labels.astype(np.int32))


def split(seed: int = 0) -> Splits:
    """Split the digits at random into 1,257 for training, 270 for validation, 270 for test.

    One uniform draw without replacement over all images: the classes are about, not exactly,
    in proportion, and each of the 13 writers is likely in every part, so a test error here
    speaks of known hands.

    Args:
        seed: 0 is the split all our numbers refer to; at least 0.

    Raises:
        ValueError: a seed out of range.
        TypeError: a seed that is no integer.

    Example:
        >>> [len(part.labels) for part in split()]
        [1257, 270, 270]
    """
    digits = load()
    order = permutation(len(digits.labels), seed, SPLIT_STREAM)
    first, second = SIZES[0], SIZES[0] + SIZES[1]
    parts = np.split(order, [first, second])
    return Splits(*(Digits(digits.images[rows], digits.labels[rows]) for rows in parts))


def _checked(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise errors.rejected(
            rule=f"the digits lie in {path.name}",
            got=error.strerror or type(error).__name__,
            do="leave path out to take the file of the package, or install relu_jax again",
            kind=errors.DataError,
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise errors.rejected(
            rule=f"{path.name} has the SHA-256 sum {SHA256[:12]}…",
            got=f"{found[:12]}… over {len(content)} bytes",
            do="the file is damaged: install relu_jax again",
            kind=errors.DataError,
        )
    return content
