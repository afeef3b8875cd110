"""Reading MNIST's idx files: right ones, and every way in which a folder can be wrong."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.data import FILES, generated_digits, load_mnist, one_hot, read_idx


def _idx(array: Any) -> bytes:
    sides = np.array(array.shape, dtype=">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + sides + bytes(array.astype(np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for key, (name, rank) in FILES.items():
        count = 3 if key.startswith("train") else 2
        array = np.arange(count * (20 if rank == 3 else 1)).reshape((count, 4, 5) if rank == 3 else (count,))
        (tmp_path / name).write_bytes(gzip.compress(_idx(array)))
    return tmp_path


def test_images_are_scaled_and_keep_their_order(folder: Path) -> None:
    data = load_mnist(folder)
    assert data.train_images.shape == (3, 1, 4, 5)
    assert data.train_images[0, 0, 1, 2] == 7 / 255
    assert data.test_images.shape == (2, 1, 4, 5)
    assert data.train_labels.tolist() == [0, 1, 2]
    assert str(folder) in data.source


def test_every_missing_file_is_named(folder: Path) -> None:
    (folder / FILES["train_labels"][0]).unlink()
    (folder / FILES["test_images"][0]).unlink()
    with pytest.raises(UsageError, match=r"lacks train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz: MNIST is"):
        load_mnist(folder)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere is no folder: give the folder that holds MNIST's four files"):
        load_mnist(tmp_path / "nowhere")


def test_images_and_labels_of_different_sets(folder: Path) -> None:
    (folder / FILES["train_labels"][0]).write_bytes(gzip.compress(_idx(np.arange(5))))
    with pytest.raises(UsageError, match="3 train images but 5 labels"):
        load_mnist(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", "is no whole gzip file"),
        (gzip.compress(bytes(40), mtime=0)[:-9], "is no whole gzip file"),
        (gzip.compress(_idx(np.arange(3)), mtime=0), "starts with the bytes 00 00 08 01, .* starts with 00 00 08 03"),
        (gzip.compress(b"", mtime=0), "starts with the bytes none"),
        (gzip.compress(_idx(np.zeros((2, 3, 3)))[:-1], mtime=0), "says 2 x 3 x 3 but holds 17 bytes instead of 18"),
        (gzip.compress(_idx(np.zeros((2, 3, 3))) + b"0", mtime=0), "says 2 x 3 x 3 but holds 19 bytes instead of 18"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_idx(path, 3)


def test_generated_digits_differ_by_label_and_follow_the_seed() -> None:
    images, labels = generated_digits(np.random.default_rng(3), 40)
    again, _ = generated_digits(np.random.default_rng(3), 40)
    np.testing.assert_array_equal(images, again)
    lit = {int(label): float(np.mean(images[labels == label] > 0.5)) for label in np.unique(labels)}
    assert lit[8] > lit[1]
    assert one_hot(labels).argmax(axis=1).tolist() == labels.tolist()
