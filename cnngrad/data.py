"""Digits to train on and to check real networks at: MNIST's four files, or small drawn ones where there are none."""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cnngrad.core.arrays import Vector
from cnngrad.core.errors import UsageError

Labels = npt.NDArray[np.int64]

FILES = {
    "train_images": ("train-images-idx3-ubyte.gz", 3),
    "train_labels": ("train-labels-idx1-ubyte.gz", 1),
    "test_images": ("t10k-images-idx3-ubyte.gz", 3),
    "test_labels": ("t10k-labels-idx1-ubyte.gz", 1),
}


@dataclass(frozen=True, eq=False)
class Digits:
    """Images ``(N, 1, H, W)`` with entries from 0 to 1, and their labels ``(N,)``, to train and to test on."""

    train_images: Vector
    train_labels: Labels
    test_images: Vector
    test_labels: Labels
    source: str


def load_mnist(folder: Path | str) -> Digits:
    """Read the four gzip idx files of the MNIST digits.

    Raises:
        UsageError: files are missing (all of them are named), or one is not what its name says.

    >>> load_mnist("nowhere")
    Traceback (most recent call last):
        ...
    cnngrad.core.errors.UsageError: nowhere is no folder: give the folder that holds MNIST's four files \
(train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz)
    """
    folder = Path(folder)
    names = [name for name, _ in FILES.values()]
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder: give the folder that holds MNIST's four files ({', '.join(names)})")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise UsageError(f"{folder} lacks {', '.join(missing)}: MNIST is the four gzip idx files {', '.join(names)}")
    arrays = {key: read_idx(folder / name, rank) for key, (name, rank) in FILES.items()}
    for part in ("train", "test"):
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        if len(images) != len(labels):
            raise UsageError(f"{folder}: {len(images)} {part} images but {len(labels)} labels; take both from one set")
    return Digits(
        _as_images(arrays["train_images"]),
        arrays["train_labels"].astype(np.int64),
        _as_images(arrays["test_images"]),
        arrays["test_labels"].astype(np.int64),
        f"MNIST in {folder}",
    )


def read_idx(path: Path, rank: int) -> npt.NDArray[np.uint8]:
    """One gzip idx file of unsigned bytes: magic 0 0 8 rank, the sides as big-endian 32-bit numbers, the bytes.

    Raises:
        UsageError: no gzip file, another magic number, or fewer or more bytes than the sides say.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path} is no whole gzip file ({error}): fetch it again") from None
    start = 4 + 4 * rank
    if len(content) < start or content[:4] != bytes([0, 0, 8, rank]):
        raise UsageError(
            f"{path} starts with the bytes {content[:4].hex(' ') or 'none'}, an idx file of bytes with {rank} "
            f"sides starts with 00 00 08 {rank:02d}: is it the right file?"
        )
    sides = tuple(int(side) for side in np.frombuffer(content, ">u4", count=rank, offset=4))
    if len(content) - start != math.prod(sides):
        raise UsageError(
            f"{path} says {' x '.join(map(str, sides))} but holds {len(content) - start} bytes "
            f"instead of {math.prod(sides)}: fetch it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(sides)


def one_hot(labels: npt.ArrayLike, classes: int = 10) -> Vector:
    """Rows that are 1 at the label and 0 elsewhere.

    >>> one_hot([1, 0], 2).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    rows: Vector = np.eye(classes)[np.asarray(labels)]
    return rows


# A digit as its seven segments: top, upper left, upper right, middle, lower left, lower right, bottom.
_SEGMENTS = (
    "1110111",
    "0010010",
    "1011101",
    "1011011",
    "0111010",
    "1101011",
    "1101111",
    "1010010",
    "1111111",
    "1111011",
)
_STROKES = (
    (slice(0, 2), slice(0, 10)),
    (slice(0, 9), slice(0, 2)),
    (slice(0, 9), slice(8, 10)),
    (slice(8, 10), slice(0, 10)),
    (slice(9, 18), slice(0, 2)),
    (slice(9, 18), slice(8, 10)),
    (slice(16, 18), slice(0, 10)),
)


def generated_digits(rng: np.random.Generator, n: int) -> tuple[Vector, Labels]:
    """``n`` seven-segment digits of 28x28, each shifted, dimmed and noisy, for when there is no MNIST.

    Returns:
        Images ``(n, 1, 28, 28)`` from 0 to 1 and their labels ``(n,)``.

    >>> images, labels = generated_digits(np.random.default_rng(0), 3)
    >>> images.shape, bool(images.min() >= 0), bool(images.max() <= 1)
    ((3, 1, 28, 28), True, True)
    """
    labels = rng.integers(0, 10, n)
    images = np.zeros((n, 1, 28, 28))
    for image, label in zip(images, labels, strict=True):
        top, left = rng.integers(2, 9), rng.integers(4, 15)
        drawn = image[0, top : top + 18, left : left + 10]
        for lit, stroke in zip(_SEGMENTS[label], _STROKES, strict=True):
            if lit == "1":
                drawn[stroke] = rng.uniform(0.6, 1.0)
    noisy = images + 0.1 * rng.standard_normal(images.shape)
    return np.clip(noisy, 0.0, 1.0), labels.astype(np.int64)


def _as_images(bytes_: npt.NDArray[np.uint8]) -> Vector:
    return bytes_[:, np.newaxis].astype(np.float64) / 255.0
