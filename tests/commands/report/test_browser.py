"""A page in a headless Chromium: no error on its console, no request, every figure and view drawn.

Not part of the set-up of CI, as a browser is some 300 MB: pip install playwright, and a Chromium of the system (Debian:
chromium-headless-shell) or `playwright install chromium`.
"""

from __future__ import annotations

import shutil

import pytest
import reports

from hpcpot import cli

playwright = pytest.importorskip("playwright.sync_api")
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@pytest.mark.slow
def test_a_page_in_a_browser(tmp_path):
    runs = [str(reports.trajectory(tmp_path / f"{name}.h5md", frames=5)) for name in "ab"]
    output = tmp_path / "page.html"
    assert cli.main(["report", *runs, "-o", str(output), "--published", "fu2024/si100"]) == 0
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    said, asked = [], []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(output.as_uri())
        page.wait_for_function("document.querySelectorAll('.plot .main-svg').length >= 4", timeout=60_000)
        drawn = page.evaluate(
            "[...document.querySelectorAll('.plot')].map(plot => plot.querySelectorAll('.trace').length)"
        )
        views = page.evaluate(
            """[...document.querySelectorAll('.view canvas')].map(canvas => {
                const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
                return pixels.filter((value, k) => k % 4 === 3 && value > 0).length;
            })"""
        )
        page.locator(".view input[type=range]").first.fill("0")
        title = page.locator(".view .controls > span").first.text_content()
        browser.close()
    assert said == [] and [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len(drawn) == 4 and all(count > 0 for count in drawn)
    assert len(views) == 2 and all(count > 1000 for count in views)
    assert title == "0 ps"
