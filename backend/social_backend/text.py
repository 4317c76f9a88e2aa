"""What people write: what is text, and what of it can be seen."""

import unicodedata

from .errors import invalid

# of what is not printable, text may have line feeds and tabs

LINES = "\n\t"

# What changes the direction of the text that follows: with U+202E in a name,
# the handle beside it is read backwards.  (Unicode TR 9, 2.1 to 2.6)

DIRECTION = dict.fromkeys(
    [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])

# letters, marks and symbols that are shown as nothing

HOLLOW = frozenset("\u115f\u1160\u3164\uffa0\u2800")

# controls, formats, surrogates, unassigned; separators; marks without a letter

UNSEEN = frozenset(
    ("Cc", "Cf", "Cs", "Cn", "Zs", "Zl", "Zp", "Mn", "Me"))


def visible(value):
    """Whether there is something to see of a text."""

    return any(c not in HOLLOW and unicodedata.category(c) not in UNSEEN
               for c in value)


def name(display_name, handle):
    """A name to be shown.  Names also come from identity providers, which
    let everything pass."""

    seen = (display_name or "").translate(DIRECTION)

    return seen if visible(seen) else handle


def field(given, name, longest, blank=True, default=None, line=False):
    """A text of a request, or Problem 422.  A line has no line feeds, and
    nothing that changes its direction."""

    value = given.get(name, default)

    if value is None:
        raise invalid(**{name: "is missing"})

    if not isinstance(value, str):
        raise invalid(**{name: "is not a text"})

    value = value.replace("\r\n", "\n").strip()

    if any(unicodedata.category(c) in ("Cc", "Cs") and (line or c not in LINES)
           for c in value):
        raise invalid(**{name: "has characters that are not text"})

    if line and any(ord(c) in DIRECTION or c in "\u2028\u2029"
                    for c in value):
        raise invalid(**{name: "has characters that change its direction"})

    if not blank and not visible(value):
        raise invalid(**{name: "is empty"})

    if len(value) > longest:
        raise invalid(**{name: f"is longer than {longest} characters"})

    return value
