"""Files are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from cnngrad.core.characters import visible
from cnngrad.core.errors import UsageError

NOT_WRITTEN = (OSError, ValueError)  # a ValueError: a name that no file can have


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write beside the target first and rename when done, so that no reader ever sees half a file.

    A link is followed; a pipe or a device (``/dev/stdout``) is written to as it is, since nothing may take its place.

    Raises:
        UsageError: the folder cannot be made or written to, or the disk is full.
    """
    temporary = ""
    try:
        if _is_special(path):
            with path.open("wb") as file:
                write(file)
            return
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:64]}.")
        with os.fdopen(handle, "wb") as file:
            write(file)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        raise UsageError(cannot("write", path, error)) from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def refuse_unwritable(path: Path) -> None:
    """Find out before the work what would only be told after it. Nothing is made: the work may be refused yet.

    Raises:
        UsageError: it is a folder, or the folder it is to lie in cannot be made or written to.

    >>> refuse_unwritable(Path("/dev/null/report.json"))
    Traceback (most recent call last):
        ...
    cnngrad.core.errors.UsageError: cannot write /dev/null/report.json: Not a directory
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "Is a directory")
        if _is_special(path):
            return
        folder = Path(os.path.realpath(path)).parent
        while not folder.exists():
            folder = folder.parent
        tempfile.TemporaryFile(dir=folder).close()
    except NOT_WRITTEN as error:
        raise UsageError(cannot("write", path, error)) from None


def cannot(do: str, path: Path | str, error: Exception) -> str:
    """What the operating system, or Python on its behalf, has against a path, in words.

    >>> cannot("write", Path("out"), PermissionError(13, "Permission denied"))
    'cannot write out: Permission denied'
    """
    return f"cannot {do} {visible(str(path))}: {getattr(error, 'strerror', None) or error}"


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()
