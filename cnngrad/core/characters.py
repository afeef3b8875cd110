"""Text that came from someone's code, made safe to show: control characters are written out."""

from __future__ import annotations

import re

# What XML 1.0 cannot hold, not even escaped: control characters and half surrogates. The second range of control
# characters, which XML can hold, moves a terminal's cursor all the same.
UNFIT = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def visible(text: str) -> str:
    r"""The text with what is no sign to look at written as in Python; lines stay lines.

    >>> visible("a\x00b\x1b[2Jc\ud800d\n")
    'a\\x00b\\x1b[2Jc\\ud800d\n'
    """
    return UNFIT.sub(lambda found: repr(found[0])[1:-1], text)
