"""The two examples of adapters: the right layer agrees with central differences, the wrong one does not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from cnngrad.core.case import Case
from tests.adapters.support import GOOD, error_of

ROOT = Path(__file__).parents[2]
EXAMPLES = {
    "examples/functions/layers.py": ["n=3 d=4 m=3 values=normal seed=1", "n=1 d=2 m=3 values=normal seed=2"],
    "examples/classes/layers.py": [
        "n=2 c=2 f=2 height=5 width=6 k=3 stride=2 values=normal seed=1",
        "n=1 c=1 f=1 height=2 width=2 k=2 stride=1 values=normal seed=2",
    ],
}
every_example = pytest.mark.parametrize("path", EXAMPLES)


def load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.replace("/", "_").removesuffix(".py"), ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@every_example
def test_right_agrees_and_wrong_does_not(path: str) -> None:
    module = load(path)
    for text in EXAMPLES[path]:
        assert error_of(module.right, Case.parse(text)) < GOOD
        assert error_of(module.wrong, Case.parse(text)) > 1e-2


@every_example
def test_glue_of_a_layer_takes_at_most_five_lines(path: str) -> None:
    _, glue = (ROOT / path).read_text().split("# The glue: ")
    code = [line for line in glue.splitlines()[1:] if not line.startswith("wrong =")]
    assert 1 <= len(code) <= 5


@every_example
def test_docstring_shows_the_command(path: str) -> None:
    assert f"cnngrad check {path}:right" in (load(path).__doc__ or "")
