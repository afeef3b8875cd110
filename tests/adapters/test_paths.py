"""Paths on someone's object: what they read and write, and what they refuse."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cnngrad.adapters import paths
from cnngrad.core.errors import UsageError


def someone() -> SimpleNamespace:
    W = SimpleNamespace(data=1, grad=2)
    return SimpleNamespace(W=W, grads={"W": [3, 4], "a b": 5}, layers=[{"b": 6}], get=lambda: {"W": 7}, none=None)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("W.grad", 2),
        ("grads['W'][1]", 4),
        ("grads['W'][-2]", 3),
        ('grads["a b"]', 5),
        ("layers[0]['b']", 6),
        ("get()['W']", 7),
        ("none", None),
    ],
)
def test_read(path: str, value: object) -> None:
    assert paths.read(someone(), path) == value
    assert paths.has(someone(), path) == (value is not None)


@pytest.mark.parametrize("path", ["V", "W.gard", "grads['V']", "grads['W'][2]", "W['grad']", "layers['b']"])
def test_nothing_there(path: str) -> None:
    assert not paths.has(someone(), path)
    with pytest.raises(paths.PathNotFound):
        paths.read(someone(), path)


@pytest.mark.parametrize("path", ["W.grad", "W.new", "grads['W'][1]", "grads['new']", "layers[0]['b']", "new"])
def test_write_then_read(path: str) -> None:
    obj = someone()
    paths.write(obj, path, 9)
    assert paths.read(obj, path) == 9


@pytest.mark.parametrize("path", ["", "W grad", "W.", "grads[W]", "grads['W'", "3", "W..grad", "get(1)"])
def test_no_path(path: str) -> None:
    with pytest.raises(UsageError, match=r"is no path on an object; a path looks like W, W\.grad, grads\['W'\]"):
        paths.read(someone(), path)


@pytest.mark.parametrize("path", ["get()", "grads['W'][5]"])
def test_no_place_to_write_to(path: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be assigned to \(.*\); let the factory hand it over: lambda"):
        paths.write(someone(), path, 9)


def test_nothing_to_write_on() -> None:
    with pytest.raises(paths.PathNotFound):
        paths.write(someone(), "V.data", 9)


def test_what_their_method_raises_comes_through() -> None:
    def broken() -> None:
        raise KeyError("theirs")

    with pytest.raises(KeyError, match="theirs"):
        paths.read(SimpleNamespace(get=broken), "get()")


def test_methods_and_attributes_are_told_apart_without_running_properties() -> None:
    class Their:
        size = 3

        def __init__(self) -> None:
            self.W, self._hidden, self.activation = 1, 2, abs

        def forward(self) -> None: ...

        @property
        def broken(self) -> None:
            raise RuntimeError

    assert paths.methods_of(Their()) == ["activation", "forward"]
    assert paths.attributes_of(Their()) == ["W", "broken", "size"]
