"""The page in a real browser: every screen, by keyboard alone, to axe's rules, without another host, script as text.

Needs Debian's `chromium`, and `pip install playwright axe-playwright-python`; AXE_CORE may name another axe.min.js.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serve.conftest import SCRIPT, Serving

from understudy.generate.decisions import read_decisions
from understudy.pipeline.progress import noted
from understudy.stage import silent

pytestmark = pytest.mark.slow
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SCREENS = {
    "chat": "#/chat",
    "verdict": "#/verdict",
    "review": "#/review",
    "audit": "#/review?show=audit&n=5",
    "runs": "#/runs?first=handbook@1&second=handbook@1",
}
ANSWERS = "#/chat?arms=base,base%2Brag"
NAMED = ("Enter", "Control+Enter", "End")
GRAVE = ("serious", "critical")


def axe_source() -> str:
    """axe-core as text. Skips where it is not there."""
    named = os.environ.get("AXE_CORE")
    found = importlib.util.find_spec("axe_playwright_python")
    if named is None and (found is None or found.origin is None):
        pytest.skip("axe-core is not installed: pip install axe-playwright-python, or AXE_CORE=axe.min.js")
    return Path(named or Path(str(found and found.origin)).with_name("axe.min.js")).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    driver = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


class Visit:
    """A tab: what it asked other hosts for and what went wrong in it."""

    def __init__(self, chromium: Any, url: str, width: int = 1440, scheme: str = "light") -> None:
        self.url = url
        self.context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.strangers: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", lambda r: None if r.url.startswith(url) else self.strangers.append(r.url))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda m: self.problems.append(m.text) if m.type in ("error", "warning") else None)

    def go(self, address: str) -> Any:
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}/{address}")
        self.page.wait_for_selector("main:not([aria-busy]) h1")
        return self.page

    def tab_to(self, text: str, most: int = 120) -> None:
        """Press Tab until what has the focus is named so. Fails where it cannot be reached."""
        seen = []
        for _ in range(most):
            self.page.keyboard.press("Tab")
            seen.append(
                self.page.evaluate(
                    "(e => e.getAttribute('aria-label') || (e.labels?.[0] ?? e).textContent.trim())"
                    "(document.activeElement)"
                )
            )
            if seen[-1].startswith(text):
                return
        raise AssertionError(f"{text!r} is not reached with Tab; seen: {seen}")

    def check(self) -> None:
        """Nothing asked elsewhere, nothing failed, no markup of the documents became part of the page."""
        self.page.wait_for_load_state("networkidle")
        assert self.strangers == []
        assert self.problems == []
        assert self.page.locator("main :is(script, img, b, i, iframe)").count() == 0
        assert self.page.title() != "taken over"


def faults(page: Any, axe: str) -> list[str]:
    """What axe finds wrong, all rules, with the elements."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{v['impact']} {v['id']}: {', '.join(n['html'][:120] for n in v['nodes'][:3])}"
        for v in found
        if v["impact"] in GRAVE
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_every_screen_fits_and_is_accessible(chromium: Any, apart: Serving, width: int, scheme: str) -> None:
    axe = axe_source()
    visit = Visit(chromium, apart.url, width, scheme)
    for screen, address in SCREENS.items():
        page = visit.go(address)
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{screen} is {wide} pixels too wide"
        cut = (
            "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.ariaLabel)"
        )
        assert page.evaluate(cut) == [], f"{screen}: a table is cut at the right"
        assert faults(page, axe) == [], screen
        shots = os.environ.get("SHOTS")
        if shots:
            page.screenshot(path=f"{shots}/{screen}-{width}-{scheme}.png", full_page=True)
        visit.check()
    page = visit.go(ANSWERS)
    page.get_by_label("Question").fill("What is the default of `--flag-3`?")
    page.get_by_role("button", name="Ask").click()
    page.locator(".under summary").nth(1).wait_for()
    page.get_by_text("2 passages read").click()
    page.locator(".under ol button").first.click()
    page.locator("dialog[open] mark").wait_for()
    assert faults(page, axe) == [], "an answer with its passage"
    visit.check()
    visit.context.close()


def test_all_of_it_by_keyboard_alone(chromium: Any, apart: Serving) -> None:
    visit = Visit(chromium, apart.url)
    page, keys = visit.go(ANSWERS), visit.page.keyboard
    visit.tab_to("Skip to the content", most=1)
    visit.tab_to("Question")
    keys.type("What is the default of `--flag-3`?")
    keys.press("Control+Enter")
    page.get_by_text("2 passages read").wait_for()
    page.wait_for_function("() => document.activeElement.id === 'question'")  # complete: the next question can be typed
    for _ in range(60):  # back to the passages of the last column
        keys.press("Shift+Tab")
        if page.evaluate("document.activeElement.textContent") == "2 passages read":
            break
    keys.press("Enter")
    keys.press("Tab")
    keys.press("Enter")
    page.locator("dialog[open] mark").wait_for()
    keys.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    visit.tab_to("Mark as bad")
    keys.press("Enter")
    visit.tab_to("What is wrong")
    keys.type(SCRIPT)
    keys.press("Enter")
    page.get_by_text("Marked as bad; it waits in Review").wait_for()
    visit.tab_to("Review")
    keys.press("Enter")
    page.get_by_text("a reader marked this answer of handbook/base").wait_for()
    assert SCRIPT in page.locator(".why").inner_text()

    keys.press("a")
    page.get_by_text("Nothing waits here.").wait_for()  # of marked answers, which the link chose
    visit.tab_to("What")
    keys.press("p")  # in a list this chooses, and nothing is decided: pairs
    page.wait_for_function("() => location.hash.includes('sort=pair')")
    page.wait_for_selector("main:not([aria-busy]) .review h2")
    file = Path("reviews/handbook.jsonl")
    assert [d.what for d in read_decisions(file)] == ["accept"]

    def decide(*pressed: str) -> None:
        """Press keys and write texts until the next record is shown."""
        before = page.locator(".review h2").inner_text()
        for key in pressed:
            keys.press(key) if key in NAMED or len(key) == 1 else keys.type(key)
        page.wait_for_function("text => document.querySelector('.review h2').innerText !== text", arg=before)

    visit.tab_to("Accept")
    first = page.locator(".review h2").inner_text()
    decide("r", SCRIPT, "Enter")
    decide("u")
    assert page.locator(".review h2").inner_text() == first
    decide("e", "End", " Really.", "Control+Enter")
    found = read_decisions(file)
    assert [d.what for d in found] == ["accept", "reject", "undo", "edit"]
    assert found[1].reason == SCRIPT
    assert found[3].answer == f"{found[3].said} Really."
    keys.press("s")
    page.get_by_text("Carry “edited” over").wait_for()
    keys.press("Escape")
    visit.tab_to("Verdict")
    keys.press("Enter")
    page.get_by_role("heading", name="Ship ").wait_for()
    visit.tab_to("What this rests on")
    visit.tab_to("Runs")
    keys.press("Enter")
    page.get_by_text("There is one run").wait_for()
    visit.check()
    visit.context.close()


def test_one_decision_for_many_is_shown_before_it_is_written(chromium: Any, apart: Serving) -> None:
    visit = Visit(chromium, apart.url)
    page = visit.go("#/review?sort=pair&q=--flag-3")
    page.get_by_role("button", name="Reject").click()
    page.get_by_label("Reason").fill("too plain")
    page.get_by_role("button", name="Reject", exact=True).click()
    file = Path("reviews/handbook.jsonl")
    page.get_by_role("button", name="Similar").click()
    page.get_by_label("of the same fact").check()
    write = page.get_by_role("button", name="Write these")
    write.wait_for()
    assert len(read_decisions(file)) == 1
    n = int(write.inner_text().split()[-1])
    page.locator(".changes input").first.uncheck()
    assert write.inner_text() == f"Write these {n - 1}"
    write.click()
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function("() => !document.querySelector('.changes')")
    page.wait_for_load_state("networkidle")
    whats = [d.what for d in read_decisions(file)]
    assert whats == ["reject"] * n + ["undo"] * (n - 1)
    visit.check()
    visit.context.close()


def test_flipped_questions_are_reached_from_the_matrix_and_from_an_address(chromium: Any, apart: Serving) -> None:
    visit = Visit(chromium, apart.url)
    page = visit.go("#/verdict")
    link = page.locator(".pairs td a").first
    count = link.inner_text()
    link.click()
    page.get_by_text(f"{count} of 12 questions", exact=True).wait_for()
    page.locator("details.question summary").first.click()
    page.get_by_text("What each arm answered").wait_for()
    assert page.locator("details.question[open] .passage, details.question[open] button.link").count() >= 1
    here = page.evaluate("location.hash")
    assert "first=" in here
    assert "item=" in here
    again = visit.go(here)
    again.get_by_text(f"{count} of 12 questions", exact=True).wait_for()
    again.get_by_text("What each arm answered").wait_for()
    visit.check()
    visit.context.close()


def test_a_run_is_watched_while_it_works(chromium: Any, apart: Serving) -> None:
    visit = Visit(chromium, apart.url)
    with noted(apart.served.run.folder, "sft", silent) as watch:
        page = visit.go("#/runs")
        page.locator("progress").wait_for()
        assert "running sft" in page.locator(".works").inner_text()
        time.sleep(1.1)
        watch(f"loss 2.5 {SCRIPT}", 30, 120)
        page.wait_for_function("() => document.querySelector('progress')?.value === 0.25")
        assert SCRIPT in page.locator(".works").inner_text()
    page.wait_for_function("() => !document.querySelector('progress')")
    visit.check()
    visit.context.close()
