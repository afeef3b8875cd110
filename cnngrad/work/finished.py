"""A file of finished units, from which a run that was interrupted goes on: one JSON line each, whole lines only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnngrad.core.case import Case, Point
from cnngrad.core.errors import UsageError
from cnngrad.core.result import Result, Status
from cnngrad.work.fingerprint import fingerprint
from cnngrad.work.subject import Subject, packed

START = b'{"key": "'  # of every line


class Finished:
    """The results that a file holds, under keys; a new one is in the file as soon as it is known.

    Raises:
        UsageError: the file cannot be read or written, or holds something else.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            text = path.read_bytes() if path.exists() else b""
            whole, end, begun = text.rpartition(b"\n")
            self._known = dict(self._entry(number, line) for number, line in enumerate(whole.splitlines(), 1))
            if not (begun.startswith(START) or START.startswith(begun)):
                raise self._foreign(len(self._known) + 1)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
            self._file.truncate(len(whole + end))  # a line that was being written when the run ended
        except OSError as error:
            raise UsageError(f"cannot resume from {path}: {error.strerror or error}") from None

    def _entry(self, number: int, line: bytes) -> tuple[str, list[dict[str, Any]]]:
        try:
            entry = json.loads(line)
            return str(entry["key"]), list(entry["results"])
        except (ValueError, TypeError, KeyError):
            raise self._foreign(number) from None

    def _foreign(self, number: int) -> UsageError:
        return UsageError(
            f"{self.path} is no file to resume from, by its line {number}: name another one, or a new one"
        )

    def get(self, key: str) -> list[Result] | None:
        """What is known under a key."""
        entries = self._known.get(key)
        return None if entries is None else [_result(entry) for entry in entries]

    def put(self, key: str, results: Sequence[Result]) -> None:
        """Keep results, and write their line at once."""
        if key in self._known:
            return
        entry = {"key": key, "results": [result.to_dict() for result in results]}
        self._known[key] = entry["results"]  # type: ignore[assignment]  # the value above
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def keys_for(subject: Subject) -> Any:
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
        return f"{name} {point.case} {digest.hexdigest()[:24]}"

    return key


def _result(entry: dict[str, Any]) -> Result:
    """The inverse of :meth:`Result.to_dict`, for results that have no suspects yet."""
    return Result(
        **{
            **entry,
            "status": Status(entry["status"]),
            "case": None if entry["case"] is None else Case.parse(entry["case"]),
            "index": None if entry["index"] is None else tuple(entry["index"]),
            "suspects": (),
            "unaffected": tuple(entry["unaffected"]),
        }
    )
