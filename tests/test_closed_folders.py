"""Folders and files that are closed to an ordinary user: a sentence and code 2, nothing left, and no finding hidden."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = """
import numpy as np
import cnngrad as cg

def layer(factor, name):
    return cg.Layer(lambda x: (2 * x, lambda dy: (factor * dy,)), ("x",), name, shapes={"x": (2,)})

right, wrong = layer(2.0, "right"), layer(3.0, "wrong")
"""
# One process for all command lines: it gives its rights up, if it has any, once everything is imported.
PROGRAM = """
import os, sys
import cnngrad as cg, numpy, cnngrad.runner, cnngrad.verify, cnngrad.scaffold, cnngrad.report.html, jinja2.environment
from cnngrad.cli import main

os.chdir(sys.argv[1])
sys.dont_write_bytecode = True
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
sys.path.insert(0, "")
for line in sys.stdin.read().splitlines():
    print(">", line, flush=True)
    sys.stderr.flush()
    if line.startswith("python "):
        import net
        print(cg.check(net.wrong, numpy.array([1.0, 2.0]), effort="quick", diagnose=False, raise_on_failure=False))
    else:
        print("code", main(line.split()), flush=True)
"""


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "net.py").write_text(SOURCE)
    (folder / "secret").mkdir(mode=0o000)
    for above in (tmp_path, *tmp_path.parents):  # pytest keeps its own for one user
        if not above.stat().st_mode & 0o001:
            above.chmod(0o755)
    folder.chmod(0o555)
    yield folder
    (folder / "secret").chmod(0o700)
    folder.chmod(0o755)


def said(folder: Path, lines: list[str]) -> list[str]:
    """What is printed for each of these, run one after the other as a user who may not write there."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        input="\n".join(lines),
        env={name: value for name, value in os.environ.items() if name != "CNNGRAD_MEMORY"} | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return [block.split("\n", 1)[1] for block in done.stdout.split("> ")[1:]]


def open_to_all(path: str) -> bool:
    return all(above.stat().st_mode & 0o001 for above in Path(path).resolve().parents)


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such rights")
@pytest.mark.skipif(
    os.geteuid() == 0 and not (open_to_all(os.__file__) and open_to_all(__file__)),
    reason="started as root, with Python in a folder of root's that the ordinary user cannot read",
)
def test_what_is_closed_is_said_and_hides_no_finding(closed: Path) -> None:
    check = "check net.py:right --effort quick"
    refused = {
        **{f"{check} --{name} out": "cannot write out: Permission denied" for name in ("json", "junit", "html")},
        f"{check} --resume out": "cannot write out: Permission denied",
        f"{check} --json deep/out": "cannot write deep/out: Permission denied",
        f"{check} --resume secret/out": "cannot resume from secret/out: Permission denied",
        "verify --junit out": "cannot write out: Permission denied",
        "verify --data secret": "cannot use secret/train-images-idx3-ubyte.gz: Permission denied",
        "init net.py": "cannot write test_net_gradients.py: Permission denied",
        "init secret/net.py": "cannot use secret/net.py: Permission denied",
    }
    done = {
        check: "right: passed; ",
        f"{check.replace('right', 'wrong')} --no-diagnosis": "wrong: gradients_match_forward failed for x\n",
    }
    *blocks, own = said(closed, [*refused, *done, "python own arrays"])
    for line, sentence, block in zip(refused, refused.values(), blocks, strict=False):
        assert block == f"cnngrad: {sentence}\ncode 2\n", line
    for line, start, block in zip(done, done.values(), blocks[len(refused) :], strict=True):
        assert block.startswith(start), line
        assert block.endswith(f"code {int('wrong' in line)}\n"), line
    assert own.startswith("wrong: gradients_match_forward failed for x\n  worst at x")
    assert "  your arrays are not kept, so this cannot be replayed from a file: cannot write .cnngrad/wrong-" in own
    assert "reproduce:" not in own
    closed.chmod(0o755)
    assert sorted(path.name for path in closed.iterdir() if path.name != "__pycache__") == ["net.py", "secret"]
