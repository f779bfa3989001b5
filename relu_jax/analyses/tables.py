"""How are the lines of a result laid out in columns?"""

from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]], left: int) -> str:
    """Lay rows out in columns.

    Args:
        rows: the cells of each row, the first row being the heads.
        left: so many columns are flushed left; the others, of numbers, right.

    Example:
        >>> print(columns([("site", "units"), ("hidden", "8")], left=1))
        site    units
        hidden      8
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    )
    return "\n".join("  ".join(line).rstrip() for line in lines)
