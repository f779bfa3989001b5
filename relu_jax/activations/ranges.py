"""Which values may a parameter of an activation have?"""

from typing import Any

from relu_jax.core import errors


def positive(owner: str, **params: float) -> dict[str, Any]:
    """Refuse parameters that are not above 0; say that no kink moves with the others.

    Args:
        owner: name of the activation.
        params: names and values.

    Returns:
        An empty dict, as `Activation.facts` gives for parameters that move no kink.

    Raises:
        ValueError: a parameter is 0 or negative.

    Example:
        >>> positive("softplus", beta=2.0)
        {}
    """
    for name, value in params.items():
        if not value > 0:
            raise errors.rejected(
                rule=f"{owner} needs {name} > 0",
                got=f"{name}={value}",
                do=f"pass a positive {name}, such as {name}=1",
            )
    return {}
