"""The pictures of a report that the documentation shows: ``python -m tests.docs.screenshots`` takes them again."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from cnngrad.cli import main
from tests.docs.blocks import ROOT

PICTURES = ROOT / "docs" / "_static" / "report"
LAYERS = ("examples/classes/layers.py:wrong", "cnngrad.layers:sigmoid", "cnngrad.layers:max_pool")
WIDTHS = {1100: 1400, 390: 1400}


def take() -> None:
    """Check the layers, open the page in Chromium, and take it at two widths, light and dark."""
    from playwright.sync_api import sync_playwright

    os.chdir(ROOT)
    os.environ["CNNGRAD_MEMORY"] = "off"
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "report.html"
        main(["check", *LAYERS, "--effort", "quick", "--html", str(page)])
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for width, height in WIDTHS.items():
                context = browser.new_context(
                    color_scheme=scheme, viewport={"width": width, "height": height}, offline=True
                )
                tab = context.new_page()
                tab.goto(page.as_uri())
                tab.locator("canvas").first.wait_for()
                if width < 600:  # a phone shows one thing at a time: the pictures are worth most
                    tab.locator(".pictures").nth(1).evaluate("place => scrollTo(0, place.offsetTop - 100)")
                    tab.locator(".pictures").nth(1).locator("svg").first.wait_for()
                tab.screenshot(path=PICTURES / f"{scheme}-{width}.png")
        browser.close()


if __name__ == "__main__":
    take()
