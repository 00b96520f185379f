# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Pictures of every page, full of data and empty, for the documentation: screenshots.py FOLDER"""

import datetime
import json
import pathlib
import sys

from browser import DESKTOP, PAGES, PHONE, frames, open_page
from shared import browser, newsroom, nothing


def take(context, node, path, target, prepare=None, tall=False):
    page = open_page(context, node, path)
    # Further answers of the node come in.
    page.wait_for_timeout(1500)
    if prepare:
        prepare(page)
        frames(page)
    page.screenshot(path=target, full_page=tall, animations="disabled")
    page.close()
    print(target.name)


MINUTES = 55
# Pages of which the lower half says as much as the upper one.
TALL = {"overview", "costs", "system", "saga", "pools"}


def spread(context):
    """What was done within a minute is shown as if it had been done within an hour, so that charts have something to draw."""
    def later(text, shift):
        return text and (datetime.datetime.fromisoformat(text) + shift).isoformat().replace("+00:00", "Z")

    def rewrite(key, first, *others):
        def handle(route):
            answer = route.fetch()
            body = answer.json()
            now = datetime.datetime.now(datetime.timezone.utc)
            for index, one in enumerate(body[key]):
                # Most of it lately, as on a day on which more and more is done.
                back = datetime.timedelta(minutes=MINUTES * (index / max(1, len(body[key]) - 1)) ** 1.4)
                shift = now - back - datetime.datetime.fromisoformat(one[first])
                for name in (first, *others):
                    one[name] = later(one.get(name), shift)
            route.fulfill(response=answer, body=json.dumps(body))
        return handle

    context.route("**/api/v1/costs/history*", rewrite("charges", "at"))
    context.route("**/api/v1/runs?limit=500*", rewrite("runs", "updatedAt", "createdAt", "endedAt"))


def palette(page):
    page.keyboard.press("Control+k")
    page.keyboard.type("re")


def question(page):
    page.locator("[data-verb=kill]").click()


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    node = newsroom()
    runs = node.runs
    pages = {
        "overview": "/", "agents": "/agents", "agent": "/agents/researcher", "agent-cost": "/agents/researcher?tab=cost", "agent-context": "/agents/researcher?tab=context", "supervisors": "/supervisors", "runs": "/runs",
        "saga": f"/runs/{runs['back']['id']}", "workflow": f"/runs/{runs['waits']['id']}", "journal": f"/runs/{runs['back']['id']}?tab=journal&at=13",
        "pools": "/pools", "approvals": "/approvals", "costs": "/costs", "logs": "/logs", "trust": "/trust", "audit": "/audit", "system": "/system",
    }
    with browser().context(node) as context:
        spread(context)
        for name, path in pages.items():
            take(context, node, path, folder / f"{name}.png", tall=name in TALL)
        take(context, node, "/", folder / "palette.png", palette)
        take(context, node, "/agents/archive", folder / "question.png", question)
    with browser().context(node, color_scheme="dark", viewport=DESKTOP) as context:
        spread(context)
        for name in ("overview", "saga", "supervisors", "logs", "costs"):
            take(context, node, pages[name], folder / f"{name}-dark.png")
    with browser().context(node, token=node.person("vera", "viewer")) as context:
        take(context, node, "/agents/archive", folder / "viewer.png")
    with browser().context(node, viewport=PHONE) as context:
        spread(context)
        for name in ("overview", "agents", "runs", "saga", "costs"):
            take(context, node, pages[name], folder / f"{name}-phone.png")
    # Nothing was ever done there: what the pages teach.
    with browser().context(nothing()) as context:
        for path, title in PAGES.items():
            take(context, nothing(), path, folder / f"{title.lower()}-empty.png")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
