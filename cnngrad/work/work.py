"""How the units of a run are worked through: where, for how long at most, from what is known, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from cnngrad.core.case import Case, Point
from cnngrad.core.errors import UsageError
from cnngrad.work.finished import Finished, keys_for
from cnngrad.work.limit import OutOfTime, at_most
from cnngrad.work.lost import NO_MEMORY, Lost, too_long
from cnngrad.work.ordered import Pool, Processes, Task, in_order
from cnngrad.work.subject import Subject, packed, received, unpacked

__all__ = ["Processes", "Work"]


Unit = tuple[Point, tuple[str, ...]]
Function = Callable[..., Any]


class Work:
    """How units are run; in this process, without a limit, and told to nobody, if nothing is said.

    Args:
        executor: any ``concurrent.futures.Executor``: a process pool, Dask's ``Client.get_executor()``, mpi4py's.
        time_limit: seconds that one unit may take: all checks at one point, the search, the explanation of a finding.
        resume: a file that keeps the results of finished points, and from which they are taken another time.
        watch: called with the case of each point when its results are there, in the order of the points.

    Raises:
        UsageError: an executor that is none, a limit that is no positive number, a file that cannot be resumed from.

    >>> with Work(time_limit=60) as work:
    ...     work.time_limit
    60
    """

    def __init__(
        self,
        executor: Executor | None = None,
        *,
        time_limit: float | None = None,
        resume: Path | str | None = None,
        watch: Callable[[Case], None] | None = None,
    ):
        if executor is not None and not isinstance(executor, Executor):
            raise UsageError(
                f"executor takes a concurrent.futures.Executor, not {executor!r}: pass ProcessPoolExecutor(), or "
                "Dask's client.get_executor()"
            )
        if time_limit is not None and not (isinstance(time_limit, (int, float)) and time_limit > 0):
            raise UsageError(f"time_limit is {time_limit!r}; it takes seconds, a number above 0")
        self.time_limit = time_limit
        self.watch = watch or _forget
        self._pool = None if executor is None else Pool(executor)
        self._finished = None if resume is None else Finished(Path(resume))

    def __enter__(self) -> Work:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool:
            self._pool.close()
        if self._finished:
            self._finished.close()

    def one(self, subject: Subject, function: Function, *arguments: Any) -> Any:
        """``function(layer, checks, *arguments)``, or :class:`Lost`."""
        return next(self._each([Task(self._call(subject, function, arguments), _forget)]))[1]

    def each(
        self, subject: Subject, function: Function, units: Iterable[Unit]
    ) -> Generator[tuple[Unit, Any], None, None]:
        """Each unit with ``function(layer, checks, *unit)``, or with :class:`Lost`, in order."""
        if self._finished is None:
            yield from self._each(Task(self._call(subject, function, unit), _forget, unit) for unit in units)
        else:
            yield from self._each(self._resumed(subject, function, units, self._finished))

    def _resumed(
        self, subject: Subject, function: Function, units: Iterable[Unit], finished: Finished
    ) -> Iterator[Task]:
        key_of = keys_for(subject)

        def keep(key: str, case: Case, answer: Any) -> None:
            if not isinstance(answer, Lost):  # that is tried again another time
                finished.put(key, case, answer)

        for unit in units:
            key = key_of(*unit)
            yield Task(self._call(subject, function, unit), partial(keep, key, unit[0].case), unit, finished.get(key))

    def _call(self, subject: Subject, function: Function, arguments: tuple[Any, ...]) -> Callable[[], Any]:
        if self._pool is None:
            return partial(_run, function, subject.layer, subject.checks, arguments, self.time_limit)
        sent = packed(arguments, subject.layer.name)
        return partial(_run_there, function, subject.package, sent, self.time_limit)

    def _each(self, tasks: Iterable[Task]) -> Iterator[tuple[Any, Any]]:
        return _one_by_one(tasks) if self._pool is None else in_order(tasks, self._pool)


def _one_by_one(tasks: Iterable[Task]) -> Iterator[tuple[Any, Any]]:
    """The same as :func:`in_order`, in this process."""
    for task in tasks:
        if task.known is None:
            answer = task.run()
            task.keep(answer)
        else:
            answer = task.known
        yield task.unit, answer


def _forget(answer: Any) -> None:
    """Nothing is made of it."""


def _run_there(function: Function, package: bytes, arguments: bytes, time_limit: float | None) -> Any:
    """In a worker: unpack, and run."""
    layer, checks = received(package)
    return _run(function, layer, checks, unpacked(arguments), time_limit)


def _run(function: Function, layer: Any, checks: Any, arguments: tuple[Any, ...], time_limit: float | None) -> Any:
    try:
        with at_most(time_limit):
            return function(layer, checks, *arguments)
    except OutOfTime:
        return Lost(too_long(time_limit or 0))
    except MemoryError:
        return Lost(NO_MEMORY)
