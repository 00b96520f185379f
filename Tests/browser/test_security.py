# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Who gets in, who does not, and what hostile text can do: nothing."""

import gzip
import json
import pathlib

from browser import open_page
from shared import DashboardTest, browser

WEB = pathlib.Path(__file__).resolve().parent.parent.parent / "Sources/CDashboard/web"
HOSTILE = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
# Right-to-left marks, a terminal's colours, a NUL, and what a template would run.
ODD = "\u202egnp.exe\u202c \u001b[31mred\u001b[0m \u0000nul {{constructor.constructor('window.hacked=1')()}}"


class Doors(DashboardTest):
    def test_a_forged_host_or_origin_is_refused_everywhere(self):
        bearer = {"Authorization": f"Bearer {self.node.token}"}
        for path in ("/", "/agents", "/app.js", "/login", "/api/v1/status", "/api/v1/stream", "/metrics"):
            with self.subTest(path):
                for headers in ({"Host": "evil.example"}, {"Host": f"localhost.evil.example:{self.node.port}"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
                    self.assertEqual(self.node.raw("GET", path, headers={**bearer, **headers})[0], 403, headers)

    def test_without_a_cookie_every_page_leads_to_the_login(self):
        for path in ("/", "/agents", "/agents/researcher", "/runs/run_1", "/system"):
            status, headers, body = self.node.raw("GET", path)
            self.assertEqual((status, headers["location"], body), (303, "/login", b""))
        self.assertEqual(self.node.raw("GET", "/api/v1/status")[0], 401)
        self.assertEqual(self.node.raw("GET", "/app.js")[0], 401)
        with browser().context(self.node, login=False) as context:
            page = context.new_page()
            page.goto(self.node.url + "/costs")
            page.wait_for_url("**/login")
            self.assertIn("no open session", page.locator("main").inner_text())

    def test_a_link_opens_one_session(self):
        link = self.node.login_link()
        with browser().context(self.node, login=False) as first, browser().context(self.node, login=False) as second:
            page = first.new_page()
            page.goto(link)
            page.wait_for_url(self.node.url + "/")
            late = second.new_page()
            late.goto(link)
            late.wait_for_selector("#message.bad")
            late.goto(self.node.url + "/")
            late.wait_for_url("**/login")

    def test_the_cookie_alone_opens_no_data_and_logging_out_ends_both(self):
        page = self.open("/")
        answer = page.evaluate("fetch('/api/v1/status').then((answer) => answer.status)")
        self.assertEqual(answer, 401)
        self.context.troubles.clear()
        secret = page.evaluate("localStorage.getItem('naos-session')")
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in self.context.cookies())
        self.assertEqual(self.node.raw("GET", "/api/v1/status", headers={"Cookie": cookies, "X-Naos-Session": secret})[0], 200)
        page.locator("[data-act=logout]").click()
        page.wait_for_url("**/login")
        self.assertEqual(self.node.raw("GET", "/api/v1/status", headers={"Cookie": cookies, "X-Naos-Session": secret})[0], 401)

    def test_every_answer_carries_the_policy(self):
        for path in ("/login", "/style.css", "/api/v1/status"):
            policy = self.node.raw("GET", path)[1]["content-security-policy"]
            for part in ("default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'", "trusted-types naos", "frame-ancestors 'none'"):
                self.assertIn(part, policy)


class HostileText(DashboardTest):
    def test_inputs_outputs_and_lines_stay_text(self):
        run = self.node.run("echo", {"say": HOSTILE + ODD, "long": "x" * 1_000_000})
        self.assertEqual(run["status"], "completed")
        for path in (f"/runs/{run['id']}", f"/runs/{run['id']}?tab=data", f"/runs/{run['id']}?tab=journal&at=1", f"/runs/{run['id']}?tab=logs", "/logs?agent=echo", "/agents/echo", "/"):
            with self.subTest(path):
                page = self.open(path)
                page.wait_for_timeout(300)
                self.assertIsNone(page.evaluate("window.hacked ?? null"))
                self.assertEqual(page.locator("main img, main script").count(), 0)
                text = page.locator("main").inner_text()
                for mark in ("\u202e", "\u001b", "\u0000"):
                    self.assertNotIn(mark, text)
                self.assertLess(len(text), 200_000)
                page.close()
        page = self.open(f"/runs/{run['id']}?tab=data")
        self.assertIn("<img src=x onerror=window.hacked=1>", page.locator("main").inner_text())

    def test_names_and_notes_of_a_node_that_lies_stay_text(self):
        # A node checks names; a page must not rely on it.
        name = HOSTILE + "\u202e"
        status = self.node.api("/status")
        agent = {**status["agents"][0], "name": name, "note": HOSTILE, "state": "failed", "step": HOSTILE}
        status["agents"] = [agent]
        status["node"]["project"] = HOSTILE
        run = {**self.node.api("/runs")["runs"][0], "name": HOSTILE, "error": {"code": HOSTILE, "message": HOSTILE}}
        line = {"at": status["node"]["startedAt"], "agent": name, "run": None, "attempt": 1, "stream": "stderr", "text": HOSTILE + ODD}
        snapshot = {"status": status, "runs": {"runs": [run]}, "log": {"lines": [line]}}
        script = STUB + f"\nstub((send) => send('snapshot', {json.dumps(snapshot)}));"
        with browser().context(self.node) as context:
            context.add_init_script(script)
            for path in ("/", "/agents", "/runs", "/logs"):
                page = open_page(context, self.node, path)
                page.keyboard.press("Control+k")
                page.keyboard.type("onerror")
                page.wait_for_timeout(200)
                self.assertIsNone(page.evaluate("window.hacked ?? null"))
                self.assertEqual(page.locator("main img, main script, dialog img").count(), 0)
                self.assertNotIn("\u202e", page.title() + page.locator("body").inner_text())
                self.assertEqual(page.evaluate("window.violations"), [])
            self.assertEqual(context.troubles, [])


class Weight(DashboardTest):
    def test_what_a_page_loads_is_light(self):
        heaviest = 0
        for path in ("/", "/agents", "/agents/researcher?tab=logs", "/supervisors", "/runs", f"/runs/{self.node.runs['back']['id']}", "/pools", "/costs", "/logs", "/system"):
            page = self.context.new_page()
            files = set()
            page.on("request", lambda request, files=files: files.add(request.url.removeprefix(self.node.url).split("?")[0]))
            page.goto(self.node.url + path)
            page.wait_for_selector("#live.live")
            page.wait_for_selector("main h1")
            names = {file[1:] for file in files if (WEB / file[1:]).is_file()} | {"index.html", "worker.js", "stream.js", "picture.js"}
            heaviest = max(heaviest, sum(len(gzip.compress((WEB / name).read_bytes(), 9)) for name in names))
            page.close()
        self.assertLessEqual(heaviest, 45 * 1024)


# Takes the place of the node's stream, in the page itself: no worker, and what `source` sends.
STUB = """
delete window.SharedWorker;
function stub(source) {
  const real = window.fetch;
  window.fetch = (address, options) => {
    if (String(address) !== '/api/v1/stream') return real(address, options);
    const encoder = new TextEncoder();
    const body = new ReadableStream({
      start(controller) {
        source((name, data) => controller.enqueue(encoder.encode(`event: ${name}\\ndata: ${JSON.stringify(data)}\\n\\n`)));
      },
    });
    return Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }));
  };
}
"""
