"""References to persons: one alphabet, one form, so that one person has one reference.

A reference is pseudonymous. That it is not a name cannot be checked; that it has one form can.
"""

from __future__ import annotations

import re
import unicodedata

from physioctl.errors import InvalidUsage

LENGTH_MAX = 32  # this project's own
_FORM = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LENGTH_MAX - 1}}}")
_RULE = (
    f"Write a reference such as P-017: 1 to {LENGTH_MAX} of A-Z a-z 0-9 - _ . with a letter or digit first; "
    "no spaces, and never a name. Case makes no difference."
)


def reference(text: str) -> str:
    """Return the one form of the reference ``text``: NFKC, then lower case.

    Raise `InvalidUsage` when ``text`` holds anything outside the alphabet.
    """
    if not isinstance(text, str):
        raise InvalidUsage(f"{text!r} is not a person's reference", _RULE)
    normal = unicodedata.normalize("NFKC", text)
    if not _FORM.fullmatch(normal):
        raise InvalidUsage(f"{text[:LENGTH_MAX]!r} is not a person's reference: {_flaw(normal)}", _RULE)
    return normal.casefold()


def _flaw(text: str) -> str:
    if not text:
        return "it is empty"
    if len(text) > LENGTH_MAX:
        return f"it is longer than {LENGTH_MAX} characters"
    wrong = next((char for char in text if not re.fullmatch("[A-Za-z0-9._-]", char)), None)
    if wrong is None:
        return "it does not begin with a letter or a digit"
    if wrong.isspace():
        return "it has a space in it"
    return f"it has {unicodedata.name(wrong, 'a control character')} (U+{ord(wrong):04X}) in it"
