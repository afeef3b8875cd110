"""Tasks run by an executor, their answers in order; one whose worker died is run again by itself."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    InvalidStateError,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from cnngrad.core.errors import UsageError
from cnngrad.work.lost import DIED, Lost

AHEAD = 64  # tasks handed out beyond the one whose answer is due, and so the most workers that are kept busy


@dataclass
class Task:
    """A picklable call without arguments.

    Attributes:
        unit: what it is about.
        keep: told the answer as soon as there is one, in whatever order.
        known: the answer, where there is no need to run it.
    """

    run: Callable[[], Any]
    keep: Callable[[Any], None]
    unit: Any = None
    known: Any = None


class Processes(Executor):
    """A pool of fresh processes that is made anew when one of them dies; an interrupt ends them without a word.

    >>> with Processes(1) as pool:
    ...     pool.submit(sum, (1, 2)).result()
    3
    """

    def __init__(self, number: int):
        self._number = number
        self._pool = self._made()

    def _made(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._number, multiprocessing.get_context("spawn"), _end_at_interrupts)

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        """As any executor's."""
        with _interrupts_held():  # a process that starts inherits this, and would tell of an interrupt at length
            with suppress(BrokenExecutor):
                return self._pool.submit(call, *arguments, **keywords)
            self._pool = self._made()
            return self._pool.submit(call, *arguments, **keywords)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As any executor's."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C has its effect when the block ends."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_at_interrupts() -> None:
    """In a worker, as soon as it runs."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


class Pool:
    """Someone's executor; if that breaks for good, a process of our own in its place."""

    def __init__(self, executor: Executor):
        self._executor = executor
        self._own: Processes | None = None

    def submit(self, run: Callable[[], Any]) -> Future[Any]:
        """Hand a task out.

        Raises:
            UsageError: the executor takes no tasks any more.
        """
        try:
            return _cancellable(self._executor.submit(run))
        except BrokenExecutor:
            self._executor = self._own = Processes(1)
            return _cancellable(self._executor.submit(run))
        except RuntimeError as error:
            raise UsageError(f"the executor takes no work ({error}): pass one that is not shut down") from None

    def alone(self, run: Callable[[], Any]) -> Any:
        """The answer of a task that was lost, from a process that does nothing else; :class:`Lost` if it dies again."""
        with Processes(1) as single:
            try:
                return single.submit(run).result()
            except BrokenExecutor:
                return Lost(DIED)

    def close(self) -> None:
        """End what was started here; the executor is its owner's."""
        if self._own:
            self._own.shutdown(cancel_futures=True)


def _cancellable(future: Future[Any]) -> Future[Any]:
    """The same future, which may be cancelled at any time.

    Up to Python 3.12.1 a process pool whose workers die, as they do at Ctrl-C, tells a future so that was cancelled
    before, and its thread ends with an ``InvalidStateError`` on the terminal and with no word to the other futures.
    """
    tell = future.set_exception

    def tell_unless_cancelled(error: BaseException | None) -> None:
        with suppress(InvalidStateError):
            tell(error)

    future.set_exception = tell_unless_cancelled  # type: ignore[method-assign,assignment]  # of this one future
    return future


def in_order(tasks: Iterable[Task], pool: Pool) -> Iterator[tuple[Any, Any]]:
    """The unit of each task and its answer, in their order, whoever is ready first.

    Raises:
        UsageError: a task raised one; anything else that it raises, as well.
    """
    coming = iter(tasks)
    waiting: deque[tuple[Task, Future[Any]]] = deque()
    unkept: dict[Future[Any], Task] = {}
    try:
        while True:
            while len(waiting) < AHEAD and (task := next(coming, None)) is not None:
                waiting.append((task, _started(task, pool)))
                if task.known is None:
                    unkept[waiting[-1][1]] = task
            if not waiting:
                return
            task, future = waiting[0]
            if not future.done():
                wait(unkept, return_when=FIRST_COMPLETED)
            _keep(unkept)
            if future.done():
                waiting.popleft()
                yield task.unit, _answer(task, future, pool)
    finally:
        for _, future in waiting:
            future.cancel()
        _keep(unkept)


def _started(task: Task, pool: Pool) -> Future[Any]:
    if task.known is None:
        return pool.submit(task.run)
    future: Future[Any] = Future()
    future.set_result(task.known)
    return future


def _keep(unkept: dict[Future[Any], Task]) -> None:
    for future in [future for future in unkept if future.done()]:
        task = unkept.pop(future)
        if not future.cancelled() and future.exception() is None:
            task.keep(future.result())


def _answer(task: Task, future: Future[Any], pool: Pool) -> Any:
    """What a finished future says. One that was lost, in whatever words its executor puts it, gets a second chance."""
    error = None if future.cancelled() else future.exception()
    if isinstance(error, UsageError):
        raise error
    if error is None and not future.cancelled():
        return future.result()
    answer = pool.alone(task.run)
    task.keep(answer)
    return answer
