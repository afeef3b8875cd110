"""What is said while one waits: on standard error, and only where the wait is longer than a second or two."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Timer
from typing import Any

from cnngrad.cli.terminal import is_terminal
from cnngrad.core.characters import visible

PATIENCE = 1.5  # seconds without a word
SHOWN_EVERY = 5.0  # seconds between plain lines on a terminal
LOGGED_EVERY = 60.0  # and in a log, where nobody waits for them

Watch = Callable[[object], None]


def watching(what: str, done: int, total: int) -> AbstractContextManager[Watch]:
    """Show that something is going on, and how far it is.

    Args:
        what: the layer under way.
        done, total: layers before this one, and of all.

    Returns:
        A context manager; inside, call what it gives for every point. Nothing is left on a terminal when it ends.

    >>> with watching("conv2d", 0, 1) as watch:
    ...     watch("n=1")
    """
    what = " ".join(visible(what).split())
    if not is_terminal(sys.stderr):
        return _lines(what, done, total, LOGGED_EVERY)
    try:
        import rich.progress  # noqa: F401 - only to know whether it is there
    except ImportError:
        return _lines(what, done, total, SHOWN_EVERY)
    return _bar(what, done, total)


@contextmanager
def _lines(what: str, done: int, total: int, every: float) -> Iterator[Watch]:
    """A plain line now and then."""
    begun = told = time.monotonic()
    points = 0

    def watch(case: object) -> None:
        nonlocal points, told
        points += 1
        now = time.monotonic()
        if now - told >= every:
            told = now
            of = f" ({done + 1} of {total})" if total > 1 else ""
            print(f"cnngrad: {what}{of}, {points:,} points, {now - begun:.0f} s", file=sys.stderr, flush=True)

    yield watch


@contextmanager
def _bar(what: str, done: int, total: int) -> Iterator[Watch]:
    """A bar of rich's, which begins when patience ends and is wiped away afterwards."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns: list[Any] = [SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=24)]
    columns += [TextColumn("{task.fields[points]:,} points"), TimeElapsedColumn()]
    bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False)
    of = f" ({done + 1} of {total})" if total > 1 else ""
    task = bar.add_task(what + of, total=total if total > 1 else None, completed=done, points=0)
    points = 0

    def watch(case: object) -> None:
        nonlocal points
        points += 1
        bar.update(task, points=points)

    timer = Timer(PATIENCE, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
