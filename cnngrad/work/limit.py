"""A limit on the time of one unit: an alarm that raises, and for a worker process a fuse that ends it."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from cnngrad.core.errors import UsageError

GRACE = 1.0  # seconds that the alarm has before the fuse


class OutOfTime(BaseException):
    """The time is up. No ``Exception``, since a layer that catches those would go on for ever."""


@contextmanager
def at_most(seconds: float | None) -> Iterator[None]:
    """Run a block for so many seconds and no longer; ``None`` is no limit.

    The alarm interrupts Python code, in the main thread of a process. Compiled code that does not return, and other
    threads, are not interrupted by it: there the fuse ends the whole process, if it is a worker.

    Raises:
        OutOfTime: the alarm rang.
        UsageError: neither is possible here.

    >>> with at_most(0.01):
    ...     while True:
    ...         pass
    Traceback (most recent call last):
        ...
    cnngrad.work.limit.OutOfTime
    """
    if seconds is None:
        yield
        return
    in_main_thread = threading.current_thread() is threading.main_thread()
    alarm, worker = in_main_thread and hasattr(signal, "setitimer"), multiprocessing.parent_process() is not None
    if not alarm and not worker:
        raise UsageError(
            "a time limit cannot be kept in a thread of this process: pass executor=ProcessPoolExecutor() of "
            "concurrent.futures, or leave out the limit"
        )
    with ExitStack() as stack:
        if worker:
            stack.enter_context(_fuse(seconds + GRACE if alarm else seconds, in_main_thread))
        if alarm:
            stack.enter_context(_alarm(seconds))
        yield


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    handler = signal.signal(signal.SIGALRM, ring)
    outer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *outer)  # someone else's limit, of a test runner say


@contextmanager
def _fuse(seconds: float, in_main_thread: bool) -> Iterator[None]:
    if not in_main_thread:
        timer = threading.Timer(seconds, os._exit, (1,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        return
    with open(os.devnull, "w") as nowhere:
        # Its watchdog needs no interpreter lock, which compiled code may hold for ever.
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
