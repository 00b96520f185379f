# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Debian's Chromium, driven by Playwright: pages that note everything that goes wrong in them."""

import contextlib
import os
import pathlib
import shutil
import time

from playwright.sync_api import sync_playwright

CHROMIUM = os.environ.get("NAOS_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
PAGES = {
    "/": "Overview", "/agents": "Agents", "/supervisors": "Supervisors", "/runs": "Runs", "/pools": "Pools",
    "/approvals": "Approvals", "/costs": "Costs", "/logs": "Logs", "/trust": "Trust", "/audit": "Audit", "/system": "System",
}
# Seconds until something that has to come is given up; machines that build beside the tests are slow.
PATIENCE = 180
DESKTOP = {"width": 1280, "height": 820}
PHONE = {"width": 375, "height": 760}

# Every violation of the page's policy, from before its first script.
WATCH = "window.violations = []; document.addEventListener('securitypolicyviolation', (event) => violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));"


class Browser:
    def __init__(self):
        self.playwright = sync_playwright().start()
        self.chromium = self.playwright.chromium.launch(executable_path=CHROMIUM)

    def close(self):
        self.chromium.close()
        self.playwright.stop()

    @contextlib.contextmanager
    def context(self, node, login=True, token=None, **options):
        options = {"viewport": DESKTOP, "locale": "en-GB", "timezone_id": "Europe/Berlin", **options}
        context = self.chromium.new_context(**options)
        context.add_init_script(WATCH)
        context.troubles = []
        context.set_default_timeout(PATIENCE * 1000)

        def attend(page):
            page.on("pageerror", lambda error: context.troubles.append(f"error in {page.url}: {error}"))
            page.on("console", lambda message: context.troubles.append(f"console of {page.url}: {message.text}") if message.type in ("error", "warning") else None)
            page.on("request", lambda request: None if request.url.startswith((node.url, "blob:")) else context.troubles.append(f"a request left: {request.url}"))

        context.on("page", attend)
        try:
            if login:
                page = context.new_page()
                page.goto(node.login_link(token))
                page.wait_for_url(node.url + "/")
                page.wait_for_selector("#live.live")
                page.close()
            yield context
        finally:
            context.close()


def open_page(context, node, path):
    """A tab at that address, once it shows something that the node said."""
    page = context.new_page()
    page.goto(node.url + path)
    page.wait_for_selector("main h1")
    page.wait_for_selector("#live.live")
    settle(page)
    return page


def until(page, expression, argument=None, seconds=PATIENCE):
    """Asks until it is so; Playwright's own way needs an eval that the page's policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression, argument):
        if time.monotonic() > end:
            raise AssertionError(f"never came true in {page.url}: {expression}")
        page.wait_for_timeout(50)


def frames(page, count=3):
    """Lets the page draw: what was to be shown, or to be run, has been by then."""
    page.evaluate("async (count) => { for (let index = 0; index < count; index += 1) await new Promise(requestAnimationFrame); }", count)


def settle(page):
    until(page, "!/Asking the node|Connecting to/.test(document.querySelector('main').textContent)")


def axe_source():
    import axe_playwright_python
    return (pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
