"""Files are written whole or not at all, and nothing is left lying about."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from cnngrad.core.errors import UsageError
from cnngrad.core.files import refuse_unwritable, write_whole


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


def test_a_link_is_followed_and_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", writing(b"new"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    refuse_unwritable(tmp_path / "pipe")
    write_whole(tmp_path / "pipe", writing(b"new"))
    assert os.read(reader, 9) == b"new"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"cannot write /dev/full: No space left on device"):
        write_whole(Path("/dev/full"), writing(b"new"))
    assert Path("/dev/full").is_char_device()


def test_what_cannot_be_written_is_known_before_and_nothing_is_left(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path / "new" / "file")
    (tmp_path / "file").write_bytes(b"old")
    refuse_unwritable(tmp_path / "file")
    for path, why in ((tmp_path, "Is a directory"), (tmp_path / "file" / "inside", "(File exists|Not a directory)")):
        with pytest.raises(UsageError, match=f"cannot write {path}: {why}"):
            refuse_unwritable(path)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file"]
