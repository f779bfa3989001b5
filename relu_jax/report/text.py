"""How does a number, or a name from a user's model, become text that can be trusted?

The page and the terminal table word every value here, so both show the same digits.
"""

import math
import numbers
import re
from datetime import UTC, datetime

from relu_jax.core.wording import plural

ABSENT = "–"
_JOINER = "\u200d"


def number(x: object, digits: int = 4) -> str:
    """Word a number in at most `digits` significant digits.

    Args:
        x: a real number, or None where the number is undefined.
        digits: significant digits of a float; integers are written in full.

    Returns:
        Plain text that Python reads back, apart from thousands separators, NaN, ∞ and –.

    Edges:
        None is –; NaN, ∞ and −∞ are words, not numbers; −0.0 is 0; what is not a number
        is passed through `visible`.

    Example:
        >>> [number(x) for x in (1797, 0.25, 1.234567e-9, float("nan"), None)]
        ['1,797', '0.25', '1.235e-9', 'NaN', '–']
    """
    if x is None:
        return ABSENT
    if isinstance(x, bool) or not isinstance(x, numbers.Real):
        return visible(str(x))
    if isinstance(x, numbers.Integral):
        return f"{int(x):,}"
    value = float(x)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        shown = f"{value:,.{decimals}f}"
        return shown.rstrip("0").rstrip(".") if "." in shown else shown
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}"


def digits(x: object, shown: str) -> str:
    """Give all digits of a number, unless they are shown already; of an integer, without commas.

    Example:
        >>> (
        ...     digits(0.123456789, "0.1235"),
        ...     digits(1437, "1,437"),
        ...     digits(3, "3 / 64"),
        ...     digits(2, "2"),
        ... )
        ('0.123456789', '1437', '', '')
    """
    if isinstance(x, float):
        return repr(x) if repr(x) != shown else ""
    whole = isinstance(x, int) and f"{x:,}" == shown
    return repr(x) if whole and repr(x) != shown else ""


def percent(x: object) -> str:
    """Word a fraction as a percentage; 0 % and 100 % are said only when exact.

    Args:
        x: a fraction, in [0, 1] when nothing is wrong, or None where it is undefined.

    Returns:
        Text such as ``12.5 %``.

    Edges:
        Non-finite values and None read as in `number`.

    Example:
        >>> [percent(x) for x in (0.0, 1e-6, 0.125, 0.99999, 1.0, None)]
        ['0 %', '<0.1 %', '12.5 %', '>99.9 %', '100 %', '–']
    """
    if not isinstance(x, numbers.Real) or not math.isfinite(float(x)):
        return number(x)
    share = 100 * float(x)
    if 0 < share < 0.1:
        return "<0.1 %"
    if 99.9 < share < 100:
        return ">99.9 %"
    return f"{share:.1f}".removesuffix(".0") + " %"


def factor(x: object) -> str:
    """Word a multiplicative factor: ``×0.21``; as `number` where it is undefined.

    Example:
        >>> factor(0.2083), factor(None)
        ('×0.208', '–')
    """
    worded = number(x, 3)
    return worded if worded in (ABSENT, "NaN") else f"×{worded}"


def visible(text: str) -> str:
    r"""Show what would act on a screen instead of being read: controls become escapes.

    Args:
        text: any text, from a user's model.

    Returns:
        The same text, in which control, format, private-use and unassigned characters,
        lone surrogates and unusual spaces are written as Python escapes. The joiner that
        holds an emoji together stays.

    Edges:
        A text that already holds a backslash is not changed: escapes are for eyes, not
        for reading back.

    Example:
        >>> visible("gnp.\u202eexe\n")
        'gnp.\\u202eexe\\n'
        >>> visible("layers/0/kernel")
        'layers/0/kernel'
    """
    if text.isprintable():
        return text
    shown, before = [], ""
    for character in text:
        joins = character == _JOINER and not before.isascii()
        kept = character.isprintable() or joins
        shown.append(character if kept else ascii(character)[1:-1])
        before = character
    return "".join(shown)


def shorten(text: str, limit: int) -> str:
    """Cut the middle out of a long name; both ends tell names apart.

    Args:
        text: any text; it is made `visible` first.
        limit: longest result, in characters, at least 3.

    Returns:
        The text, or its ends around an ellipsis.

    Example:
        >>> shorten("params/layers/3/kernel", 12)
        'params…ernel'
    """
    text = visible(text)
    if len(text) <= limit:
        return text
    head = limit // 2
    return text[:head] + "…" + text[len(text) - (limit - head - 1) :]


def words(kind: str) -> str:
    """Turn an identifier into words that can begin a line.

    Example:
        >>> words("vanishing_gradient")
        'Vanishing gradient'
    """
    worded = re.sub("^non_", "non-", kind).replace("_", " ").strip()
    return worded[:1].upper() + worded[1:]


def counted(n: object, one: str, many: str) -> str:
    """Word a number of things.

    Example:
        >>> counted(1, "batch", "batches"), counted(3, "batch", "batches")
        ('1 batch', '3 batches')
    """
    return f"{number(n)} {plural(n, one, many)}"


def value(x: object) -> str:
    """Word anything that stands in a record: numbers, text, lists and tables of them.

    Example:
        >>> value([1, 0.5, "a"]), value({"softmax": 2}), value(True), value([])
        ('1, 0.5, a', 'softmax 2', 'yes', 'none')
    """
    if isinstance(x, bool):
        return "yes" if x else "no"
    if isinstance(x, str):
        return visible(x)
    if isinstance(x, dict):
        return ", ".join(f"{visible(str(k))} {value(v)}" for k, v in x.items()) or "none"
    if isinstance(x, (list, tuple)):
        return ", ".join(value(item) for item in x) or "none"
    return number(x)


def moment(created: object) -> str:
    """Word a time in UTC to the minute; what is no ISO time is shown as it is.

    Example:
        >>> moment("2024-05-17T11:30:12+02:00"), moment("<yesterday>")
        ('2024-05-17 09:30 UTC', '<yesterday>')
    """
    try:
        at = datetime.fromisoformat(str(created))
    except ValueError:
        return visible(str(created))
    return f"{at.astimezone(UTC) if at.tzinfo else at:%Y-%m-%d %H:%M}{' UTC' if at.tzinfo else ''}"


def shape(x: object) -> str:
    """Word an array shape.

    Example:
        >>> shape([64, 128]), shape([]), shape([3])
        ('64 × 128', 'scalar', '3')
    """
    if not isinstance(x, (list, tuple)):
        return number(x)
    return " × ".join(number(n).replace(",", "") for n in x) or "scalar"
