"""Where does a number come from: which versions, which device, which key, which source?"""

import hashlib
import platform
import time
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.core.types import Key

_PACKAGES = ("jax", "jaxlib", "numpy", "optax", "relu-jax")


def provenance(
    key: Key | None = None, started: float | None = None, command: str | None = None
) -> dict[str, Any]:
    """Tell what produced a record.

    Args:
        key: random key the run began with.
        started: reading of `time.perf_counter` at the start of the run.
        command: what to type to get the record again; name no folder of this machine in it.

    Returns:
        Plain data for JSON: `created` (UTC, ISO 8601), `versions`, `platform`, `device` (kind
        and count), `key` (its words), `seconds` (wall time since `started`), `command` and
        `source` (a hash of the package's files). What was not given is None.

    Edges:
        Starts the JAX backend, since only that knows its devices.

    Example:
        >>> import time
        >>> told = provenance(started=time.perf_counter())
        >>> sorted(told["versions"])
        ['jax', 'jaxlib', 'numpy', 'optax', 'python', 'relu_jax']
        >>> 0 <= told["seconds"] < 60, len(told["source"])
        (True, 64)
    """
    devices = jax.devices()
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "seconds": None if started is None else time.perf_counter() - started,
        "key": None if key is None else _key_words(key),
        "versions": {"python": platform.python_version(), **_versions()},
        "platform": f"{platform.system()} {platform.machine()}",
        "device": {"kind": devices[0].device_kind, "count": len(devices)},
        "source": hash_source(),
    }


@cache
def hash_source(folder: Path = Path(__file__).parent.parent) -> str:
    """Hash the names and contents of a package's files: SHA-256 in hexadecimal.

    Args:
        folder: the package; its compiled caches do not count.

    Returns:
        64 hexadecimal digits; equal files give equal digits on every machine.

    Example:
        >>> hash_source() == hash_source()
        True
    """
    total = hashlib.sha256()
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in sorted(name for name in names if "__pycache__" not in name):
        content = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        total.update(f"{content} {name}\n".encode())
    return total.hexdigest()


def _versions() -> dict[str, str]:
    return {name.replace("-", "_"): _version(name) for name in _PACKAGES}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _key_words(key: Key) -> list[int]:
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(key) if typed else key).ravel().tolist()
