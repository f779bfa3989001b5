"""Which form of a word does a number take?"""


def plural(n: object, one: str, many: str) -> str:
    """Choose the word for one thing, or for none or several.

    Example:
        >>> plural(1, "batch", "batches"), plural(0, "batch", "batches")
        ('batch', 'batches')
    """
    return one if n == 1 else many
