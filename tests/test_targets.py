"""What the command line names: found, or refused with a sentence that says what to try."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnngrad.core.errors import UsageError
from cnngrad.targets import load_layer, load_module

SOURCE = """
import cnngrad as cg
import helper_beside

double = cg.Layer(lambda x: (helper_beside.two * x, lambda dy: (2 * dy,)), ("x",), "double")
number = 3
function = lambda x: x

class Group:
    inner = double
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a file of layers, one that raises, and an empty one; the current one."""
    (tmp_path / "helper_beside.py").write_text("two = 2.0\n")
    (tmp_path / "their_net.py").write_text(SOURCE)
    (tmp_path / "broken_net.py").write_text("import cnngrad\n\nvalue = 1 / 0\n")
    (tmp_path / "unfinished_net.py").write_text("def f(:\n")
    (tmp_path / "needing_net.py").write_text("import a_module_nobody_has\n")
    (tmp_path / "empty_net.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.endswith(("_net", "_beside")):
            del sys.modules[name]


@pytest.mark.parametrize(
    "target", ["their_net.py:double", "./their_net.py:double", "their_net:double", "their_net:Group.inner"]
)
@pytest.mark.usefixtures("folder")
def test_a_layer_remembers_its_target(target: str) -> None:
    layer = load_layer(target)
    assert (layer.name, layer.target) == ("double", target)


def test_a_file_elsewhere_imports_what_lies_beside_it(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert load_layer(f"{folder}/their_net.py:double").name == "double"
    assert str(folder) not in sys.path


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nonsense", "there is no module nonsense to import from {cwd}: give package.module:layer or file.py:layer"),
        ("no.such:layer", "there is no module no.such to import from {cwd}: give package.module:layer or file.py:"),
        (
            "cnngrad.nothing:layer",
            "there is no module cnngrad.nothing to import from {cwd}: give package.module:layer or file.py:layer",
        ),
        ("nowhere.py:layer", "there is no file nowhere.py: give file.py:layer or package.module:layer"),
        ("no/where:layer", "there is no file no/where: give file.py:layer or package.module:layer"),
        ("their_net.py", "their_net.py names a module; name the layer in it as well: their_net.py:double"),
        ("their_net", "their_net names a module; name the layer in it as well: their_net:double"),
        ("their_net.py:", "their_net.py: names a module; name the layer in it as well: their_net.py:double"),
        ("empty_net.py", "empty_net.py names a module; name the layer in it as well: no layers at all"),
        ("their_net.py:triple", "their_net.py has no 'triple'; it has their_net.py:double"),
        ("their_net.py:Group.other", "their_net.py has no 'Group.other'; it has their_net.py:double"),
        (
            "their_net.py:number",
            "their_net.py:number is int 3, not a Layer: wrap a function pair with cg.from_functions, a class with "
            "cg.from_class. Layers here: their_net.py:double",
        ),
        ("their_net.py:function", "their_net.py:function is function <function <lambda> at 0x"),
        (
            "broken_net.py:layer",
            "importing broken_net.py raised ZeroDivisionError: division by zero (line 3 of broken_net.py)",
        ),
        ("unfinished_net.py:layer", "importing unfinished_net.py raised SyntaxError: invalid syntax"),
        (
            "needing_net.py:layer",
            "importing needing_net.py raised ModuleNotFoundError: No module named 'a_module_nobody_has' "
            "(line 1 of needing_net.py)",
        ),
        ("needing_net:layer", "importing needing_net raised ModuleNotFoundError: No module named 'a_module_nobody_has"),
        (":layer", "there is no module"),
    ],
)
def test_what_names_no_layer_is_refused(folder: Path, target: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        load_layer(target)
    assert str(error.value).startswith(message.format(cwd=folder))


@pytest.mark.usefixtures("folder")
def test_a_file_named_as_a_module_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "sub.net.py").write_text("")
    with pytest.raises(UsageError, match=r"; did you mean the file sub\.net\.py\?$"):
        load_module("sub.net")


@pytest.mark.parametrize("target", ["", ":", "::", "a:b:c", "..:layer", "their_net..x:double", " :x"])
@pytest.mark.usefixtures("folder")
def test_nonsense_is_refused_and_nothing_else(target: str) -> None:
    with pytest.raises(UsageError) as error:
        load_layer(target)
    assert "\n" not in str(error.value)
