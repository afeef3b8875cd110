"""The code on the pages: found, run in the order of the page, and its printed output held against what is shown.

Run as a program, ``python tests/docs/blocks.py docs/start.md``, it writes the real output into the page instead.
"""

from __future__ import annotations

import contextlib
import doctest
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGES = tuple(
    sorted(
        path.relative_to(ROOT).as_posix()
        for path in [*ROOT.glob("README*.md"), *ROOT.glob("docs/**/*.md")]
        if "_build" not in path.parts
    )
)
FENCE = re.compile(r"^(?P<mark>```+)(?P<head>.*)\n(?P<body>(?:.*\n)*?)(?P=mark) *$", re.MULTILINE)
OPTION = re.compile(r":([\w-]+): *(.*)\n")
# Fences that hold no code: what a program prints, and what the build of the pages computes or lists.
NO_CODE = (
    "text",
    "{image}",
    "{toctree}",
    "{picture}",
    "{numbers}",
    "{held-by}",
    "{network}",
    "{eval-rst}",
    "{include}",
)
# What prepares a machine is tried elsewhere (tests/test_packaging.py); the targets of make are looked up.
NOT_RUN = re.compile(r"(python -m )?pip install |git clone |make ")


@dataclass(frozen=True)
class Block:
    """One piece of code of a page.

    Attributes:
        kind: ``python`` to run, ``console`` with commands and what they print, or ``file`` to be written.
        text: the code.
        start: where the text begins in the page.
        file: the path that the caption of a ``file`` gives.
    """

    kind: str
    text: str
    start: int
    file: str = ""


def blocks(page: str, folder: Path = ROOT) -> list[Block]:
    """The code of a page, in order.

    Raises:
        ValueError: a fence that is neither run nor known to hold no code.
    """
    found = []
    for fence in FENCE.finditer(page):
        kind, _, argument = fence["head"].strip().partition(" ")
        options = dict(OPTION.findall(fence["body"]))
        if kind in NO_CODE:
            continue
        if kind in ("python", "console"):
            found.append(Block(kind, fence["body"], fence.start("body")))
        elif kind == "{code-block}" and "caption" in options:
            text = OPTION.sub("", fence["body"]).lstrip("\n")
            found.append(Block("file", text, fence.start("body"), options["caption"]))
        elif kind == "{literalinclude}" and "caption" in options:
            text = (folder / argument).read_text(encoding="utf-8")
            found.append(Block("file", text, fence.start("body"), options["caption"]))
        else:
            raise ValueError(f"nobody runs this block: {fence[0][:80]!r}")
    return found


def run(block: Block, folder: Path, names: dict[str, Any]) -> Block:
    """Run one block in a folder; what comes back shows what was printed, where the block shows any output."""
    if block.kind == "file":
        path = folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        return block
    if block.kind == "console":
        return replace(block, text="".join(_command(line, shown, folder) for line, shown in commands(block.text)))
    if block.text.startswith(">>> "):
        return replace(block, text=_session(block.text, folder, names))
    with contextlib.chdir(folder), contextlib.redirect_stdout(None):
        exec(compile(block.text, "page", "exec"), names)
    return block


def commands(text: str) -> list[tuple[str, str]]:
    """The lines after a prompt, each with the output shown below it."""
    return [(match[1], match[2]) for match in re.finditer(r"^(\$ .*\n)((?:(?!\$ ).*\n)*)", text, re.MULTILINE)]


def agrees(shown: str, printed: str) -> bool:
    """Whether output is as shown; ``...`` stands for anything."""
    return doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS)


def _command(line: str, shown: str, folder: Path) -> str:
    command = line.removeprefix("$ ").partition("  #")[0].strip()
    if NOT_RUN.match(command):
        return line + shown
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    if done.stderr and not shown:
        raise AssertionError(f"{command}\n{done.stdout}{done.stderr}")
    return line + (done.stdout + done.stderr if shown else "")


def _session(text: str, folder: Path, names: dict[str, Any]) -> str:
    lines = []
    for example in doctest.DocTestParser().get_examples(text):
        first, *more = example.source.rstrip("\n").split("\n")
        printed = doctest._SpoofOut()  # type: ignore[attr-defined]  # what doctest itself prints into
        with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
            exec(compile(example.source, "page", "single"), names)
        lines += [f">>> {first}\n", *(f"... {line}\n" for line in more), printed.getvalue()]
    return "".join(lines)


@contextlib.contextmanager
def workplace() -> Any:
    """An empty folder in which the examples of this repository lie."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "examples").symlink_to(ROOT / "examples")
        yield Path(name)


def update(path: Path) -> None:
    """Write into a page what its blocks print."""
    page, done, names = path.read_text(encoding="utf-8"), 0, {}
    parts = []
    with workplace() as folder:
        for block in blocks(page, path.parent):
            if block.kind != "file":
                printed = run(block, folder, names).text
                parts += [page[done : block.start], block.text if agrees(block.text, printed) else printed]
                done = block.start + len(block.text)
            else:
                run(block, folder, names)
    path.write_text("".join(parts) + page[done:], encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for name in sys.argv[1:]:
        update(Path(name))
