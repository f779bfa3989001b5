"""How often does JAX compile something while a test looks?"""

from collections.abc import Iterator
from contextlib import contextmanager

from jax import monitoring

EVENT = "/jax/core/compile/backend_compile_duration"


@contextmanager
def compilations() -> Iterator[list[str]]:
    """Collect a name for each program that is compiled within the block.

    Needs the check for leaked tracers off, which compiles every call anew.
    """
    seen: list[str] = []

    def note(event: str, duration_secs: float, **details: str | int) -> None:
        del duration_secs
        if event == EVENT:
            seen.append(str(details.get("fun_name", event)))

    monitoring.register_event_duration_secs_listener(note)
    try:
        yield seen
    finally:
        monitoring.unregister_event_duration_listener(note)
