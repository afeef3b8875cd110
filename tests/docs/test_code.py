"""Every code block on every page and in the README runs as written, and prints what is shown."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.docs import gallery
from tests.docs.blocks import PAGES, ROOT, agrees, blocks, run, workplace

pytestmark = pytest.mark.integration

NEEDS = {"docs/recipes/torch.md": "torch", "docs/recipes/jax.md": "jax", "docs/recipes/cpp.md": "pybind11"}
WITH_CODE = [page for page in PAGES if blocks((ROOT / page).read_text(encoding="utf-8"), (ROOT / page).parent)]


@pytest.mark.parametrize("page", WITH_CODE)
def test_the_code_of_a_page_runs_and_prints_what_is_shown(page: str) -> None:
    if page in NEEDS:
        pytest.importorskip(NEEDS[page])
    if page.endswith("cpp.md") and shutil.which("g++") is None:
        pytest.skip("no C++ compiler")
    path, names = ROOT / page, dict[str, Any]()
    with workplace() as folder:
        for block in blocks(path.read_text(encoding="utf-8"), path.parent):
            printed = run(block, folder, names).text
            assert agrees(block.text, printed), f"{page} shows\n{block.text}\nbut this is printed\n{printed}"


def test_the_workflow_runs() -> None:
    yaml = pytest.importorskip("yaml")
    page = ROOT / "docs" / "recipes" / "ci.md"
    files = {block.file: block for block in blocks(page.read_text(encoding="utf-8")) if block.kind == "file"}
    (job,) = yaml.safe_load(files[".github/workflows/gradients.yml"].text)["jobs"].values()
    steps = [step["run"] for step in job["steps"] if "run" in step]
    assert steps[0].startswith("pip install ")
    with workplace() as folder:
        for block in files.values():
            run(block, folder, {})
        for step in steps[1:]:
            done = run_step(step, folder)
            assert done.returncode == 0, done.stdout


def run_step(step: str, folder: Path) -> subprocess.CompletedProcess[str]:
    import os
    import sys

    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(step, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_gallery_shows_todays_messages() -> None:
    made, kept = gallery.page(), gallery.PAGE.read_text(encoding="utf-8")
    assert kept == made, "write it again: python -m tests.docs.gallery"
    assert len(re.findall(r"^```text$", made, re.MULTILINE)) == len(gallery.SHOWN) + len(gallery.DRAWN)
    assert made.count("looks like: ") >= len(gallery.SHOWN) + len(gallery.DRAWN)
