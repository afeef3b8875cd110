"""The fuzz tests try the same in every process: neither the order of hashes nor what was imported before matters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
import conftest
from tests.fuzzing import fuzz, test_command_line, test_declarations

if sys.argv[1:]:
    sys.path.insert(0, sys.argv[1])
    import constants_of_someone  # full of numbers and words
drawn = []
for material in (test_command_line.arguments(), test_declarations.keywords("Layer")):
    fuzz.fuzz(material, 150, lambda each: drawn.append(str(each)))
import re
print(re.sub(" at 0x[0-9a-f]+", "", "|".join(drawn)).encode(errors="backslashreplace"))
"""


def drawn(seed: str, *folders: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed, "CNNGRAD_MEMORY": "off"}
    command = [sys.executable, "-c", PROGRAM, *folders]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.integration
def test_the_same_examples_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "constants_of_someone.py").write_text("\n".join(f"n{k} = {k}, 'word{k}', {k}.5" for k in range(100)))
    first = drawn("1")
    assert len(first) > 10_000
    assert drawn("2") == first
    assert drawn("3", str(tmp_path)) == first
