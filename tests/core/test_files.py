"""Files are written whole or not at all, and nothing is left lying about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from cnngrad.core.errors import UsageError
from cnngrad.core.files import write_whole


def writing(content: bytes) -> Callable[[IO[bytes]], Any]:
    return lambda file: file.write(content)


def test_folders_are_made_and_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "näme with spaces.npz"
    write_whole(path, writing(b"old"))
    write_whole(path, writing(b"new"))
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, ValueError, OSError, KeyboardInterrupt])
def test_what_stops_in_the_middle_leaves_the_old_file_and_no_other(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    write_whole(path, writing(b"old"))

    def half(file: IO[bytes]) -> None:
        file.write(b"ne")
        raise error("stopped")

    with pytest.raises(UsageError if error is OSError else error, match="stopped"):
        write_whole(path, half)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_nobody_reads_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def slowly(file: IO[bytes]) -> None:
        file.write(b"ne")
        file.flush()
        assert path.read_bytes() == b"old"
        file.write(b"w")

    write_whole(path, slowly)
    assert path.read_bytes() == b"new"


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match=r"cannot write .*file/inside: (File exists|Not a directory)"):
        write_whole(tmp_path / "file" / "inside", writing(b""))
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=r"cannot write .*folder: Is a directory"):
        write_whole(tmp_path / "folder", writing(b""))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
