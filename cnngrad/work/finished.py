"""A file of finished units, from which a run that was interrupted goes on: one JSON line each, whole lines only."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from cnngrad.core.case import Case, Point
from cnngrad.core.errors import UsageError
from cnngrad.core.files import NOT_WRITTEN, cannot, refuse_unwritable
from cnngrad.core.result import Result, Status
from cnngrad.work.fingerprint import fingerprint
from cnngrad.work.subject import Subject, packed

START = b'{"key": "'  # of every line
KEY = 32  # characters after that


class Finished:
    """The results that a file holds, under keys; a new one is in the file as soon as it is known.

    A file that is not there is made with the first of them, so that a run that is refused leaves none.

    Raises:
        UsageError: the file cannot be read or written, or holds something else.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            if path.exists() and not path.is_file():
                raise UsageError(f"cannot resume from {path}: it is no file; name one, or a new one")
            text = path.read_bytes() if path.exists() else b""
            whole, end, begun = text.rpartition(b"\n")
            self._starts = dict(self._starts_in((whole + end).splitlines(keepends=True)))
            if not (begun.startswith(START) or START.startswith(begun)):
                raise self._foreign(whole.count(b"\n") + 2)
            self._file = path.open("r+b") if path.exists() else None
            if self._file is None:
                refuse_unwritable(path)
            else:
                self._file.truncate(len(whole + end))  # a line that was being written when the run ended
        except UsageError:
            raise
        except NOT_WRITTEN as error:
            raise UsageError(cannot("resume from", path, error)) from None

    def _starts_in(self, lines: Sequence[bytes]) -> Iterator[tuple[str, int]]:
        """The key of each line, and where in the file it starts: there may be too many to hold them all."""
        start = 0
        for number, line in enumerate(lines, 1):
            if not line.startswith(START):
                raise self._foreign(number)
            yield line[len(START) : len(START) + KEY].decode("ascii", "replace"), start
            start += len(line)

    def _foreign(self, number: int) -> UsageError:
        return UsageError(
            f"{self.path} is no file to resume from, by its line {number}: name another one, or a new one"
        )

    def get(self, key: str) -> list[Result] | None:
        """What is known under a key.

        Raises:
            UsageError: the line was changed by hand.
        """
        if key not in self._starts or self._file is None:
            return None
        self._file.seek(self._starts[key])
        line = self._file.readline()
        try:
            entry = json.loads(line)
            return [_result(entry["case"], facts) for facts in entry["results"]]
        except (ValueError, TypeError, KeyError, AttributeError):
            raise UsageError(f"{self.path} holds a line that cannot be read: {line[:60]!r}; delete it") from None

    def put(self, key: str, case: Case, results: Sequence[Result]) -> None:
        """Keep results, and write their line at once.

        Raises:
            UsageError: the disk is full, say.
        """
        if key in self._starts:
            return
        entry = {"key": key, "case": str(case), "results": [_facts(result) for result in results]}
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("a+b")
            self._starts[key] = self._file.seek(0, os.SEEK_END)
            self._file.write(json.dumps(entry).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise UsageError(cannot("write", self.path, error)) from None

    def close(self) -> None:
        if self._file:
            with suppress(OSError):  # what could not be written has been told
                self._file.close()


def keys_for(subject: Subject) -> Callable[[Point, Sequence[str]], str]:
    """A function from a unit of this subject to its key: a digest of all that its results hang on.

    Raises:
        UsageError: the layer stands in no module, so that it cannot be known whether it is the same another time.
    """
    name = subject.handed_in.name
    if subject.place is None:
        raise UsageError(
            f"{name} cannot be resumed: what it is made of is unknown to another run; make it at the top of a module"
        )
    made_ready = packed((subject.shapes, dict(subject.config)), name)
    start = hashlib.sha256(f"{fingerprint(subject.place.home)} {subject.place} ".encode() + made_ready)

    def key(point: Point, names: Sequence[str]) -> str:
        arrays = [(str(value.dtype), value.shape) for value in map(np.asarray, point.inputs)]
        digest = start.copy()
        digest.update(f"{point.case} {arrays} {names}".encode())
        return digest.hexdigest()[:KEY]

    return key


DEFAULTS = {each.name: each.default for each in fields(Result)}


def _facts(result: Result) -> dict[str, Any]:
    """What a result says beyond its case and what it need not say."""
    facts = {name: value for name, value in result.to_dict().items() if value != DEFAULTS[name]}
    return {**facts, "case": result.case is not None}


def _result(case: str, facts: dict[str, Any]) -> Result:
    """The inverse of :func:`_facts`, for results that have no suspects yet."""
    more: dict[str, Any] = {"status": Status(facts["status"]), "case": Case.parse(case) if facts["case"] else None}
    more |= {name: tuple(facts[name]) for name in ("index", "unaffected", "suspects") if name in facts}
    return Result(**{**facts, **more})
