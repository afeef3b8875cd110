"""What is said on standard output: the same words everywhere, with colours where a terminal has them."""

from __future__ import annotations

import os
import re
import sys
from typing import IO, Any

from cnngrad.core.characters import visible

# What a line says decides its colour; the words themselves never change.
STYLES = (
    (re.compile(r"^\S.*: \w+ (?:failed|error)\b.*$", re.MULTILINE), "bold red"),
    (re.compile(r"^\S.*: (passed)\b", re.MULTILINE), "bold green"),
    (re.compile(r"^\S.*: (inconclusive)\b", re.MULTILINE), "bold yellow"),
    (re.compile(r"^  (?:worst at|looks like:|where:|change:|not affected:)", re.MULTILINE), "bold"),
    (re.compile(r"^  reproduce: (.*)$", re.MULTILINE), "cyan"),
    (re.compile(r"  (passed|verified)$", re.MULTILINE), "green"),
    (re.compile(r"  (failed|error)(?:, incomplete)?$", re.MULTILINE), "bold red"),
    (re.compile(r"  (inconclusive)(?:, incomplete)?$", re.MULTILINE), "yellow"),
    (re.compile(r"^(?:  incomplete: .*|-{9,})$", re.MULTILINE), "dim"),
)


def say(text: object, stream: IO[str] | None = None) -> None:
    r"""Print, in colours where the stream takes them.

    >>> say("conv2d: passed; \x1b[2J is no name")
    conv2d: passed; \x1b[2J is no name
    """
    stream = sys.stdout if stream is None else stream
    shown = visible(str(text))
    console = _console(stream) if takes_colours(stream) else None
    if console is None:
        print(shown, file=stream, flush=True)
    else:
        console.print(_painted(shown), soft_wrap=True)


def is_terminal(stream: IO[str] | None) -> bool:
    """Whether somebody looks at it, on something that can move its cursor."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def takes_colours(stream: IO[str] | None) -> bool:
    """Whether colours are wanted: a terminal, and no ``NO_COLOR`` (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def _console(stream: IO[str]) -> Any:
    """A console of rich's, ``None`` without that library."""
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(file=stream, highlight=False, force_terminal=True)


def _painted(text: str) -> Any:
    from rich.text import Text

    painted = Text(text)
    for pattern, style in STYLES:
        for found in pattern.finditer(text):
            painted.stylize(style, *found.span(1 if pattern.groups else 0))
    return painted
