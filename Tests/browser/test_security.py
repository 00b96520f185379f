# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Who gets in, who does not, and what hostile text can do: nothing."""

import gzip
import json
import re

from browser import PAGES, frames, open_page, settle, until
from shared import DashboardTest, browser

HOSTILE = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
# Right-to-left marks, a terminal's colours, a NUL, and what a template would run.
ODD = "\u202egnp.exe\u202c \u001b[31mred\u001b[0m \u0000nul {{constructor.constructor('window.hacked=1')()}}"


class Doors(DashboardTest):
    def test_a_forged_host_or_origin_is_refused_everywhere(self):
        bearer = {"Authorization": f"Bearer {self.node.token}"}
        program = next(file for file in files_of(self.node, "/") if file.endswith(".js"))
        for path in ("/", "/agents", program, "/login", "/api/v1/status", "/api/v1/stream", "/metrics"):
            with self.subTest(path):
                for headers in ({"Host": "evil.example"}, {"Host": f"localhost.evil.example:{self.node.port}"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
                    self.assertEqual(self.node.raw("GET", path, headers={**bearer, **headers})[0], 403, headers)

    def test_without_a_cookie_every_page_leads_to_the_login(self):
        for path in ("/", "/agents", "/agents/researcher", "/runs/run_1", "/system"):
            status, headers, body = self.node.raw("GET", path)
            self.assertEqual((status, headers["location"], body), (303, "/login", b""))
        self.assertEqual(self.node.raw("GET", "/api/v1/status")[0], 401)
        program = next(file for file in files_of(self.node, "/") if file.endswith(".js"))
        self.assertEqual(self.node.raw("GET", program)[0], 401)
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

    def test_a_session_makes_no_sessions(self):
        page = self.open("/")
        status = page.evaluate("fetch('/api/v1/login-codes', { method: 'POST', headers: { 'x-naos-session': localStorage.getItem('naos-session') } }).then((answer) => answer.status)")
        self.assertEqual(status, 401)
        self.context.troubles.clear()

    def test_a_form_of_another_site_changes_nothing(self):
        # What a browser would send along from there: the cookie of this host, and where it came from.
        self.open("/")
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in self.context.cookies())
        before = len(self.node.api("/runs?limit=1000")["runs"])
        body = {"name": "proofreader"}
        for headers, status in (({"Origin": "http://evil.example"}, 403), ({"Origin": self.node.url}, 401), ({}, 401)):
            self.assertEqual(self.node.raw("POST", "/api/v1/runs", body, {"Cookie": cookies, **headers})[0], status)
        self.assertEqual(len(self.node.api("/runs?limit=1000")["runs"]), before)

    def test_every_answer_carries_the_policy(self):
        for path in ("/login", *files_of(self.node, "/login"), "/api/v1/status"):
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
                frames(page)
                self.assertIsNone(page.evaluate("window.hacked ?? null"))
                self.assertEqual(page.locator("main img, main script").count(), 0)
                text = page.locator("main").inner_text()
                for mark in ("\u202e", "\u001b", "\u0000"):
                    self.assertNotIn(mark, text)
                self.assertLess(len(text), 200_000)
                page.close()
        page = self.open(f"/runs/{run['id']}?tab=data")
        self.assertIn("<img src=x onerror=window.hacked=1>", page.locator("main").inner_text())

    def test_what_an_agent_asks_people_for_stays_text_and_is_shown_whole(self):
        run, asked = self.node.asks({"headline": HOSTILE + ODD, "end": "the last word"}, reason=HOSTILE + ODD)
        try:
            page = self.open("/approvals")
            card = page.locator(f"[data-row='{asked['id']}']")
            card.wait_for()
            card.locator("[data-act=approve]").click()
            page.wait_for_selector("dialog pre")
            frames(page)
            self.assertIsNone(page.evaluate("window.hacked ?? null"))
            self.assertEqual(page.locator("main img, main script, dialog img, dialog script").count(), 0)
            for text in (page.locator("main").inner_text(), page.locator("dialog").inner_text()):
                for mark in ("\u202e", "\u001b", "\u0000"):
                    self.assertNotIn(mark, text)
                self.assertIn("the last word", text)
            page.keyboard.press("Escape")
        finally:
            self.node.api(f"/runs/{run}/cancel", "POST", {})

    def test_names_and_notes_of_a_node_that_lies_stay_text(self):
        # A node checks names; a page must not rely on it.
        name = HOSTILE + "\u202e"
        status = self.node.api("/status")
        agent = {**status["agents"][0], "name": name, "note": f"`{HOSTILE}` and ` alone", "state": "failed", "step": HOSTILE}
        status["agents"] = [agent]
        status["node"]["project"] = HOSTILE
        run = {**self.node.api("/runs")["runs"][0], "name": HOSTILE, "error": {"code": HOSTILE, "message": f"`{HOSTILE}` is no `key`"}}
        line = {"at": status["node"]["startedAt"], "agent": name, "run": None, "attempt": 1, "stream": "stderr", "text": HOSTILE + ODD}
        snapshot = {"status": status, "runs": {"runs": [run]}, "log": {"lines": [line]}}
        script = STUB + f"\nstub((send) => send('snapshot', {json.dumps(snapshot)}));"
        with browser().context(self.node) as context:
            context.add_init_script(script)
            for path in ("/", "/agents", "/runs", "/logs"):
                page = open_page(context, self.node, path)
                page.keyboard.press("Control+k")
                page.keyboard.type("onerror")
                page.wait_for_selector("dialog.palette li")
                frames(page)
                self.assertIsNone(page.evaluate("window.hacked ?? null"))
                self.assertEqual(page.locator("main img, main script, dialog img").count(), 0)
                self.assertNotIn("\u202e", page.title() + page.locator("body").inner_text())
                self.assertEqual(page.evaluate("window.violations"), [])
                # What stands between backquotes is code, and text all the same.
                if path == "/":
                    for place in (".why", "td .note", ".quiet"):
                        self.assertIn(HOSTILE, page.locator(f"main {place} code").all_text_contents(), place)
                    self.assertNotIn("`", page.locator("main").inner_text())
            self.assertEqual(context.troubles, [])


class Roles(DashboardTest):
    CHANGES = "do menu bulk start-run edit-budget clear-budget fork skip mark-done check-config apply-config choose".split()

    def setUp(self):
        super().setUp()
        self.people = []

    def tearDown(self):
        super().tearDown()
        for name in self.people:
            self.node.naos("token", "revoke", name, check=False)

    def context_of(self, name, role, *more):
        self.people.append(name)
        return browser().context(self.node, token=self.node.person(name, role, *more))

    def test_a_viewer_sees_no_buttons_and_the_api_refuses(self):
        self.node.asks({"headline": "Ferry late"})
        with self.context_of("vera", "viewer") as context:
            for path in [*PAGES, "/agents/archive", "/agents/summariser?tab=cost", f"/runs/{self.node.runs['back']['id']}?step=write", f"/runs/{self.node.runs['waits']['id']}"]:
                with self.subTest(path):
                    page = open_page(context, self.node, path)
                    until(page, "document.getElementById('node').textContent.includes('you are vera (viewer)')")
                    frames(page)
                    for act in (*self.CHANGES, "approve", "deny", "edit"):
                        self.assertEqual(page.locator(f"[data-act={act}]").count(), 0, act)
                    page.keyboard.press("Control+k")
                    page.keyboard.type("start")
                    page.wait_for_selector("dialog.palette li")
                    self.assertNotIn("action", [item.split("\n")[-1] for item in page.locator("dialog.palette li").all_inner_texts() if item.lower().startswith(("start", "stop", "kill", "cancel", "compare"))])
                    page.close()
            page = open_page(context, self.node, "/system")
            document = self.node.api("/openapi.json")
            changing = [(method, path) for path, methods in document["paths"].items() for method in methods if method in ("post", "delete") and path.startswith("/api/v1/") and path != "/api/v1/logout"]
            self.assertGreaterEqual(len(changing), 40)
            answers = page.evaluate('''async (calls) => {
              const headers = { 'x-naos-session': localStorage.getItem('naos-session'), 'content-type': 'application/json' };
              const answers = [];
              for (const [method, path] of calls) answers.push([method, path, (await fetch(path.replaceAll(/\\{[a-z]+\\}/g, 'x'), { method, headers, body: method === 'post' ? '{}' : undefined })).status]);
              return answers;
            }''', changing)
            context.troubles.clear()
            for method, path, status in answers:
                # Login codes and tokens take no session at all; decisions are looked at first, then who takes them.
                allowed = {401} if path.endswith(("/login-codes", "/tokens", "/tokens/{name}")) else {400, 403, 404} if "/approvals/" in path else {403}
                self.assertIn(status, allowed, f"{method} {path}")
            asked = self.node.api("/approvals")["approvals"][0]
            refused = page.evaluate('''async ([id, digest]) => (await fetch(`/api/v1/approvals/${id}/approve`, { method: 'POST', headers: { 'x-naos-session': localStorage.getItem('naos-session'), 'content-type': 'application/json' }, body: JSON.stringify({ digest, reason: 'mine' }) })).status''', [asked["id"], asked["digest"]])
            self.assertEqual(refused, 403)
            context.troubles.clear()
            self.assertIn(self.node.api(f"/approvals/{asked['id']}")["status"], ("requested", "escalated"))

    def test_an_editor_decides_what_is_asked_of_editors_and_nothing_else(self):
        run, asked = self.node.asks({"headline": "Harbour full"})
        with self.context_of("edda", "editor") as context:
            page = open_page(context, self.node, "/approvals")
            card = page.locator(f"[data-row='{asked['id']}']")
            card.locator("[data-act=approve]").click()
            page.locator("dialog [name=reason]").fill("seen")
            page.locator("dialog button[type=submit]").click()
            page.wait_for_selector(".toast >> text=approved")
            self.assertEqual(page.locator("[data-act=start-run]").count(), 0)
            self.assertEqual(context.troubles, [])
        self.assertEqual(self.node.over(run)["status"], "completed")
        settled = self.node.api(f"/approvals/{asked['id']}")
        self.assertIn("edda", settled["decidedBy"])
        audit = self.node.api("/audit?event=operator.request&actor=edda")["entries"]
        # She came with her token; what she decided she did as the session that came of it.
        self.assertEqual([(entry["actor"]["id"], entry["actor"]["authn"]) for entry in audit], [("edda", "token"), ("edda", "session")])

    def test_the_stream_of_who_sees_a_part_hides_the_others(self):
        with self.context_of("sam", "viewer", "--only", "proofreader,wire-feed") as context:
            page = open_page(context, self.node, "/agents")
            page.wait_for_selector("text=2 agents")
            self.assertEqual(page.locator("tr[data-row] a").all_inner_texts(), ["proofreader", "wire-feed"])
            logs = open_page(context, self.node, "/logs")
            # Its own lines come; the archive and the press write all the time, too.
            until(logs, "document.querySelectorAll('.log .line').length > 3")
            runs = open_page(context, self.node, "/runs")
            hidden, seen = self.node.run("echo", {"say": "hidden"})["id"], self.node.run("proofreader", "x")["id"]
            runs.wait_for_selector(f"[data-row={seen}]")
            self.assertEqual(runs.locator(f"[data-row={hidden}]").count(), 0)
            # The proofreader may have written by now.
            written = set(logs.locator(".log .who").all_inner_texts())
            self.assertIn("wire-feed", written)
            self.assertLessEqual(written, {"wire-feed", "proofreader"})
            self.assertEqual(runs.evaluate('''async (id) => (await fetch(`/api/v1/runs/${id}`, { headers: { 'x-naos-session': localStorage.getItem('naos-session') } })).status''', hidden), 404)
            context.troubles.clear()
            # Whatever a page asks for on its way: nothing names who is not shown.
            heard = []
            page = context.new_page()
            page.on("response", lambda answer: heard.append(answer) if "/api/v1/" in answer.url and not answer.url.endswith("/stream") else None)
            for path in ("/", "/supervisors", "/costs", "/system", "/pools", "/approvals"):
                page.goto(self.node.url + path)
                page.wait_for_selector("#live.live")
                settle(page)
                for answer in heard:
                    self.assertNotRegex(answer.text(), "archive|summariser|judge-ada", answer.url)
                heard.clear()
                self.assertNotRegex(page.locator("main").inner_text(), "archive|summariser|judge-ada")
            self.assertEqual(context.troubles, [])

    def test_a_revoked_token_ends_its_pages(self):
        with self.context_of("rolf", "viewer") as context:
            page = open_page(context, self.node, "/agents")
            self.node.naos("token", "revoke", "rolf")
            # Nobody touches the page: its stream ends, and it is not let in again.
            page.wait_for_url("**/login")
            context.troubles.clear()


class Weight(DashboardTest):
    def test_everything_that_is_served_is_at_most_45_kib_and_kept_for_ever(self):
        bearer = {"Authorization": f"Bearer {self.node.token}", "Accept-Encoding": "gzip"}
        total = 0
        for path in {"/", "/login", *files_of(self.node, "/"), *files_of(self.node, "/login")}:
            status, headers, body = self.node.raw("GET", path, headers=bearer)
            self.assertEqual((status, headers["content-encoding"]), (200, "gzip"), path)
            total += len(body)
            plain = self.node.raw("GET", path, headers={**bearer, "Accept-Encoding": "identity"})
            self.assertIsNone(plain[1]["content-encoding"])
            self.assertEqual(gzip.decompress(body), plain[2], path)
            if "." in path:
                self.assertRegex(path, r"^/[a-z]+-[0-9a-f]{12}\.(js|css|svg)$")
                self.assertIn("immutable", headers["cache-control"])
        print(f"\nall assets: {total} bytes compressed")
        self.assertLessEqual(total, 45 * 1024)
        self.assertGreater(total, 20 * 1024)

    def test_no_page_loads_anything_else(self):
        known = {"/", *files_of(self.node, "/")}
        for path in ("/", "/agents/researcher?tab=logs", f"/runs/{self.node.runs['back']['id']}", "/costs", "/system"):
            page = self.context.new_page()
            files = set()
            page.on("request", lambda request, files=files: files.add(request.url.removeprefix(self.node.url).split("?")[0]))
            page.goto(self.node.url + path)
            page.wait_for_selector("#live.live")
            page.wait_for_selector("main h1")
            others = {file for file in files if not file.startswith("/api/v1/")} - known - {path.split("?")[0]}
            self.assertEqual(others, set())
            page.close()


def files_of(node, path):
    """What a page names as files of its own."""
    page = node.raw("GET", path, headers={"Authorization": f"Bearer {node.token}"})[2].decode()
    return sorted(set(re.findall(r'"(/[^"]+\.(?:js|css|svg))"', page)))


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
