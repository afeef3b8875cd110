"""The page in a real browser: opened from disk with the network off, used by mouse and by keyboard."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cnngrad.report.html import report_html
from cnngrad.report.json import report_json
from tests.report.pages import HOSTILE, every_kind, large
from tests.report.results import REPRODUCE

pytestmark = pytest.mark.integration

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MOST_MILLISECONDS = 10_000  # to open the largest page, on a machine that has other things to do


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium, chromium-browser or google-chrome on the PATH")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Visit:
    """One page, opened from disk without a network; remembers what it asked for and complained of."""

    def __init__(self, browser: Any, path: Path, **context: Any) -> None:
        self.context = browser.new_context(offline=True, **context)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        self.page.goto(path.as_uri())

    def look_at_everything(self) -> None:
        """Open every layer and wait until each has its pictures."""
        self.page.click("#open")
        for place in self.page.locator(".pictures").all():
            place.scroll_into_view_if_needed()
            place.locator("canvas").first.wait_for()


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report with spaces, ü.html"
    path.write_text(report_html(every_kind()), "utf-8")
    return path


@pytest.fixture
def visit(browser: Any, kinds: Path) -> Iterator[Visit]:
    visit = Visit(browser, kinds, permissions=["clipboard-read", "clipboard-write"])
    yield visit
    assert visit.complaints == []
    assert visit.requests == [kinds.as_uri()]
    visit.context.close()


def test_the_numbers_on_the_page_are_those_of_the_json(visit: Visit) -> None:
    document = json.loads(report_json(every_kind()))
    for name in ("entries", "cases", "exact", "forward_calls", "backward_calls", "layers_ok"):
        assert visit.page.locator(f"data#{name}").get_attribute("value") == str(document["totals"][name]), name
    assert visit.page.locator("#status").inner_text() == document["status"]
    sections = visit.page.locator("section.layer").all()
    assert len(sections) == len(document["layers"])
    visit.page.click("#open")
    for section, layer in zip(sections, document["layers"], strict=True):
        assert section.locator("tbody tr").count() == len(layer["results"])
        shown = [float(each.get_attribute("value")) for each in section.locator(".finding data").all()]
        failed = [result for result in layer["results"] if result["status"] == "failed"]
        assert shown == [result[side] for result in failed for side in ("analytic", "numeric")]
        met = {name: count for name, count in layer["features"].items() if count}
        assert [int(each.get_attribute("value")) for each in section.locator(".features data").all()] == [*met.values()]


def test_names_that_mean_harm_are_shown_and_do_none(visit: Visit) -> None:
    visit.look_at_everything()
    heading = visit.page.locator("h3").last.inner_text()
    assert heading.startswith(HOSTILE[:40])
    assert visit.page.locator("img").count() == 0
    assert visit.page.locator("script").count() == 2


def test_pictures_are_drawn_and_move_by_keyboard(visit: Visit) -> None:
    visit.look_at_everything()
    section = visit.page.locator("#layer-2")
    assert section.locator("canvas").count() == 12
    captions = section.locator("figcaption").all_inner_texts()
    assert [text for text in captions if text.endswith(": no numbers")] == [
        "claimed: no numbers",
        "difference: no numbers",
    ]
    assert section.locator("svg").count() == 6  # nothing to compare, nothing to plot
    assert section.locator(".readout").nth(2).inner_text().startswith("s: claimed ")
    maps, readout = section.locator(".maps").first, section.locator(".readout").first
    assert readout.inner_text().startswith("w[0, 0, 0, 0]: claimed ")  # the worst entry comes first
    assert "difference 0.5, bound 1e−12" in readout.inner_text()
    for keys, place in (
        ("ArrowRight", "0, 0, 0, 1"),
        ("ArrowDown", "0, 0, 1, 1"),
        ("End", "1, 0, 2, 2"),
        ("ArrowRight", "1, 0, 2, 2"),  # there is nothing further
        ("ArrowUp ArrowUp ArrowUp", "0, 0, 2, 2"),  # into the image above
        ("Home ArrowLeft", "0, 0, 0, 0"),
    ):
        for key in keys.split():
            maps.press(key)
        assert readout.inner_text().startswith(f"w[{place}]: claimed "), keys
    colours = maps.locator("canvas").first.evaluate(
        "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
    )
    assert colours > 10
    assert section.locator(".dot.off").count() == 1
    assert section.locator("path.gap").count() == 1
    assert visit.page.locator("#layer-1 .dot.off, #layer-1 path.gap").count() == 0


def test_a_pointer_chooses_a_cell(visit: Visit) -> None:
    visit.look_at_everything()
    section = visit.page.locator("#layer-1")
    canvas = section.locator("canvas").first
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] - 4, "y": box["height"] - 4})
    assert section.locator(".readout").first.inner_text().startswith("w[1, 0, 2, 2]: ")
    blocks = section.locator(".readout").nth(1).inner_text()
    assert re.match(r"v\[\d:\d, \d:\d\]: claimed ", blocks)
    assert "no number" in section.locator(".readout").nth(2).inner_text()


def test_everything_can_be_reached_and_pressed_by_keyboard(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.className || document.activeElement.tagName"
            )
        )
    assert {"theme", "open", "close", "wide", "A", "SUMMARY", "copy", "maps"} <= reached
    page.locator('[data-show="wrong"]').press("Enter")
    assert page.locator("section.layer:visible").count() == 4
    assert page.locator("#said").inner_text() == "4 layers are shown"
    page.locator('[data-show="all"]').press("Space")
    assert page.locator("section.layer:visible").count() == 5
    page.locator("#close").press("Enter")
    assert page.locator("section.layer > details[open]").count() == 0
    page.locator("tbody a").first.press("Enter")
    assert page.locator("#layer-1 > details[open]").count() == 1
    page.locator("#theme").press("Enter")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_replay_line_is_copied(visit: Visit) -> None:
    button = visit.page.locator("#layer-2 .copy")
    button.press("Enter")
    visit.page.locator("#layer-2 .copy", has_text="Copied").wait_for()
    assert visit.page.evaluate("navigator.clipboard.readText()") == REPRODUCE


def test_it_is_copied_where_the_clipboard_is_refused(browser: Any, kinds: Path) -> None:
    visit = Visit(browser, kinds)
    visit.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")
    visit.page.locator("#layer-2 .copy").click()
    visit.page.locator("#layer-2 .copy", has_text="Copied").wait_for()
    visit.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_nothing_is_wider_than_the_window(browser: Any, kinds: Path, scheme: str, width: int) -> None:
    visit = Visit(browser, kinds, color_scheme=scheme, viewport={"width": width, "height": 800})
    visit.look_at_everything()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    ground = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    lightness = sum(map(int, re.findall(r"\d+", ground)[:3])) / 3
    assert (lightness > 128) == (scheme == "light")
    visit.context.close()


def test_a_large_report_opens_soon(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "large.html"
    path.write_text(report_html(large()), "utf-8")
    visit = Visit(browser, path)
    taken = visit.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    print(f"\n{path.stat().st_size:,} bytes, {taken:.0f} ms")
    assert 0 < taken < MOST_MILLISECONDS
    assert visit.page.locator("section.layer").count() == 50
    assert visit.complaints == []
    visit.context.close()
