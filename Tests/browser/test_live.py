# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""How the dashboard keeps up: a node that dies, many tabs, many agents, many lines, and a person who is reading."""

import csv
import json
import os
import re
import time
import urllib.request

from browser import PATIENCE, frames, open_page, until
from newsroom import Node
from shared import DashboardTest, browser
from test_security import STUB

AGENTS = 10_000


class Recovery(DashboardTest):
    expected = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")

    @staticmethod
    def node_of():
        node = Node()
        node.up()
        return node

    def tearDown(self):
        super().tearDown()
        self.node.down()

    def test_a_killed_node_is_waited_for_and_the_page_goes_on(self):
        page = self.open("/logs?agent=wire-feed")
        until(page, "document.querySelectorAll('.log .line').length >= 2")
        boot = self.node.api("/status")["node"]["boot"]
        self.node.kill()
        page.wait_for_selector("#live.waiting, #live.stale")
        self.assertRegex(page.locator("#live-word").inner_text(), re.compile(r"Reconnecting \(\d+ s\)"))
        until(page, "document.getElementById('announce').textContent.includes('lost')")
        self.node.up()
        page.wait_for_selector("#live.live")
        self.assertNotEqual(self.node.api("/status")["node"]["boot"], boot)
        # The same session, without a login; and lines come again.
        self.assertEqual(page.evaluate("location.pathname"), "/logs")
        before = len(self.shown(page))
        until(page, "(before) => document.querySelectorAll('.log .line').length > before", before)
        # What is shown is read first: the node may have more lines a moment later, never fewer.
        shown = self.shown(page)
        wanted = [line["text"] for line in self.node.api("/logs?agent=wire-feed&limit=1000")["lines"]]
        for text in shown:
            self.assertLessEqual(shown.count(text), wanted.count(text), f"twice: {text}")
        first = wanted.index(shown[0])
        self.assertEqual(shown, wanted[first:first + len(shown)])

    def test_a_saga_whose_node_is_killed_while_it_goes_back_shows_its_compensations_in_their_order(self):
        # The agents of the backstage make it, too, as they start.
        (self.node.folder / "desk").mkdir(exist_ok=True)
        (self.node.folder / "desk/jam").touch()
        hold = self.node.folder / "desk/hold"
        hold.touch()
        run = self.node.run("publish-article", {"topic": "ferries"}, wait=False)["id"]
        page = self.open(f"/runs/{run}")
        page.wait_for_selector("a.box.undo")
        self.node.kill()
        self.assertNotIn("compensated", page.locator("h1 .state").inner_text())
        self.node.up()
        hold.unlink()
        page.wait_for_selector("h1 .state >> text=compensated")
        undone = {box.locator("strong").inner_text(): box.inner_text() for box in page.locator("a.box.undo").all()}
        self.assertEqual(set(undone), {"write", "research"})
        self.assertIn("undone first", undone["write"])
        self.assertIn("undone second", undone["research"])
        # What is shown is what the journal says, and each was taken back once, and in truth.
        entries = [entry["summary"] for entry in self.node.api(f"/runs/{run}/journal?limit=1000")["entries"] if entry["kind"] == "step-completed" and ".compensation" in entry["summary"]]
        self.assertEqual(len(entries), 2, entries)
        self.assertEqual(sorted(file.name for file in (self.node.folder / "desk").iterdir() if file.name in ("write", "research")), [])

    def heard(self, last=None, until="log"):
        """The events of a stream up to the first of that name: name, id and data of each."""
        headers = {"Authorization": f"Bearer {self.node.token}", **({"Last-Event-ID": last} if last else {})}
        events = []
        with urllib.request.urlopen(urllib.request.Request(self.node.url + "/api/v1/stream", headers=headers), timeout=PATIENCE) as stream:
            fields = {}
            for line in stream:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                    continue
                if "event" in fields:
                    events.append((fields["event"], fields["id"], json.loads(fields["data"])))
                    if fields["event"] == until:
                        return events
                fields = {}
        raise AssertionError("the stream ended")

    def test_what_became_of_runs_while_somebody_was_away_is_told_also_by_the_next_boot(self):
        first, last, whole = self.heard(until="snapshot")[0]
        self.assertEqual(first, "snapshot")
        boot = whole["status"]["node"]["boot"]
        self.assertRegex(last, f"^{re.escape(boot)}:[0-9]+$")
        missed = [self.node.run("proofreader", "x")["id"] for _ in range(2)]
        for again in (False, True):
            if again:
                self.node.kill()
                self.node.up()
            events = self.heard(last, until="events")
            self.assertEqual([name for name, _, _ in events], ["reset", "events"])
            # Every event has a place: this boot's, and an end that only grows.
            now = self.node.api("/status")["node"]["boot"]
            places = [id.rpartition(":") for _, id, _ in events]
            self.assertEqual({place[0] for place in places}, {now})
            self.assertEqual(now == boot, not again)
            ends = [int(place[2]) for place in places]
            self.assertEqual(ends, sorted(ends))
            self.assertGreater(ends[-1], int(last.rpartition(":")[2]))
            told = [(event["run"], event["status"]) for event in events[-1][2]["events"]]
            self.assertEqual(told, [(run, "completed") for run in missed])
            # Told once, it is not told again.
            later = self.heard(events[-1][1])
            self.assertEqual(later[0][0], "reset")
            self.assertNotIn("missed", [key for name, _, data in later if name == "events" for key in data])

    @staticmethod
    def shown(page):
        page.evaluate("for (let more; (more = document.querySelector('.fold-lines[aria-expanded=false]'));) more.click()")
        frames(page)
        return page.locator(".log .text").all_inner_texts()


class ManyTabs(DashboardTest):
    def clients(self):
        return int(re.search(r"^nexus_sse_clients (\d+)$", self.node.metrics(), re.M)[1])

    def test_eight_tabs_share_one_stream_and_a_ninth_loads(self):
        pages = [self.open("/agents") for _ in range(8)]
        self.assertEqual(self.clients(), 1)
        pages.append(self.open("/runs"))
        pages[-1].wait_for_selector("tr[data-row]")
        run = self.node.run("proofreader", "x")
        for page in (pages[0], pages[-1]):
            page.bring_to_front()
            page.evaluate("document.title")
        pages[-1].wait_for_selector(f"[data-row={run['id']}]")
        for page in pages[:-1]:
            page.close()
        self.assertEqual(self.clients(), 1)


class Reading(DashboardTest):
    def test_updates_move_neither_focus_nor_selection_nor_scroll(self):
        page = self.open("/runs")
        page.wait_for_selector("tr[data-row]")
        page.set_viewport_size({"width": 1280, "height": 500})
        kept = page.locator("tr[data-row] td.name a").nth(4)
        kept.focus()
        page.evaluate("""() => {
          const row = document.activeElement.closest('tr');
          row.marked = true;
          const range = document.createRange();
          range.selectNodeContents(row.querySelector('.kind'));
          getSelection().removeAllRanges();
          getSelection().addRange(range);
          scrollTo(0, 200);
        }""")
        chosen = page.evaluate("getSelection().toString()")
        at = page.evaluate("document.activeElement.href")
        for _ in range(3):
            run = self.node.run("proofreader", "x")
            page.wait_for_selector(f"[data-row={run['id']}]")
        self.assertEqual(page.evaluate("document.activeElement.href"), at)
        self.assertTrue(page.evaluate("document.activeElement.closest('tr').marked"))
        self.assertEqual(page.evaluate("getSelection().toString()"), chosen)
        self.assertGreater(page.evaluate("scrollY"), 100)

    def test_paused_means_that_nothing_moves(self):
        page = self.open("/")
        page.locator("main").click(position={"x": 5, "y": 5})
        page.keyboard.press("Space")
        page.wait_for_selector("#live.paused")
        before = page.locator("section[aria-labelledby=h-recent-runs] tbody").inner_html()
        run = self.node.run("proofreader", "x")
        # Another tab has it by the same stream.
        other = self.open("/")
        other.wait_for_selector(f"[data-row={run['id']}]")
        page.bring_to_front()
        frames(page)
        self.assertEqual(page.locator("section[aria-labelledby=h-recent-runs] tbody").inner_html(), before)
        page.keyboard.press("Space")
        page.wait_for_selector(f"[data-row={run['id']}]")

    def test_the_log_follows_until_somebody_scrolls_up(self):
        page = self.open("/logs")
        page.wait_for_selector(".log .line")
        until(page, "(() => { const log = document.querySelector('.log'); return log.scrollHeight > log.clientHeight + 100 && log.scrollHeight - log.scrollTop - log.clientHeight < 30; })()")
        page.locator(".log").hover()
        page.mouse.wheel(0, -300)
        page.wait_for_selector(".more-lines:not([hidden])")
        top = page.evaluate("document.querySelector('.log').scrollTop")
        until(page, "/^\\d+ new/.test(document.querySelector('.more-lines').textContent)")
        self.assertEqual(page.evaluate("document.querySelector('.log').scrollTop"), top)
        page.locator(".more-lines").click()
        until(page, "(() => { const log = document.querySelector('.log'); return log.scrollHeight - log.scrollTop - log.clientHeight < 30; })()")


class Numbers(DashboardTest):
    def test_the_rows_the_header_the_api_the_metrics_and_the_command_agree_to_the_nano_dollar(self):
        page = self.open("/costs")
        page.wait_for_selector(".sum")
        costs = self.node.api("/costs")
        self.assertEqual(sum(row["costNanoUSD"] for row in costs["agents"]), costs["costNanoUSD"])
        self.assertEqual(sum(row["costNanoUSD"] for row in costs["models"]), costs["costNanoUSD"])
        self.assertGreater(costs["costNanoUSD"], 0)
        command = json.loads(self.node.naos("status", "-o", "json").stdout)
        self.assertEqual(sum(agent["costNanoUSD"] for agent in command["agents"]), costs["costNanoUSD"])
        command = json.loads(self.node.naos("cost", "status", "-o", "json").stdout)
        self.assertEqual(command["costNanoUSD"], costs["costNanoUSD"])
        self.assertEqual(sum(agent["costNanoUSD"] for agent in command["agents"]), costs["costNanoUSD"])
        # The rows that the page shows, as it writes them into a file.
        with page.expect_download() as download:
            page.locator("[data-act=csv]").click()
        with open(download.value.path(), newline="") as file:
            rows = list(csv.DictReader(file))
        for kind in ("agent", "model"):
            self.assertEqual(sum(int(row["nano_usd"]) for row in rows if row["kind"] == kind), costs["costNanoUSD"])
        metric = sum(int(round(float(value) * 1e9)) for value in re.findall(r"^nexus_cost_usd_total\{[^}]*\} (\S+)$", self.node.metrics(), re.M))
        self.assertEqual(metric, costs["costNanoUSD"])
        # To people it is cents; the exact figures are in the file.
        self.assertNotIn("nano", page.locator("main").inner_text())
        sum_cell = page.locator(".sum td.num").last.inner_text()
        self.assertEqual(sum_cell, page.locator(".numbers .value").first.inner_text())
        overview = self.open("/")
        self.assertIn(sum_cell, overview.locator(".numbers").inner_text())


def many(node, count):
    """A snapshot of so many agents, made of the real node's."""
    status = node.api("/status")
    agent = status["agents"][0]
    states = ["running", "idle", "idle", "failed", "backoff"]
    status["agents"] = [{**agent, "name": f"agent-{number:05}", "state": states[number % 5], "tokens": number} for number in range(count)]
    return {"status": status, "runs": {"runs": []}, "log": {"lines": []}}


class ManyAgents(DashboardTest):
    @staticmethod
    def work(metrics):
        """Seconds that the page's thread has computed, whatever else the machine does."""
        return {one["name"]: one["value"] for one in metrics.send("Performance.getMetrics")["metrics"]}["TaskDuration"]

    def test_ten_thousand_agents_are_few_nodes_and_scroll_smoothly_while_they_change(self):
        snapshot = json.dumps(many(self.node, AGENTS))
        source = STUB + f"""
          const whole = {snapshot};
          stub((send) => {{
            window.sentAt = performance.now();
            send('snapshot', whole);
            const states = ['running', 'idle', 'starting', 'failed'];
            // 500 changes four times a second, as the node would send 2,000 a second.
            setInterval(() => {{
              const changed = [];
              for (let index = 0; index < 500; index += 1) {{
                const agent = whole.status.agents[Math.floor(Math.random() * whole.status.agents.length)];
                changed.push({{ ...agent, state: states[index % 4], tokens: agent.tokens + 1 }});
              }}
              send('agents', changed);
            }}, 250);
          }});
          new MutationObserver((_, watch) => {{
            if (!document.querySelector('tr[data-row]')) return;
            window.rowsAt = performance.now();
            watch.disconnect();
          }}).observe(document, {{ childList: true, subtree: true }});
        """
        with browser().context(self.node) as context:
            context.add_init_script(source)
            page = open_page(context, self.node, "/agents")
            page.wait_for_selector("tr[data-row]")
            first = page.evaluate("rowsAt - sentAt")
            self.assertIn("10,000 agents", page.locator(".found").inner_text())
            self.assertEqual(page.locator("table.virtual").get_attribute("aria-rowcount"), str(AGENTS + 1))
            metrics = context.new_cdp_session(page)
            metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
            before = self.work(metrics)
            frames = page.evaluate("""async () => {
              const box = document.querySelector('.rows');
              const times = [];
              let last = await new Promise(requestAnimationFrame);
              for (let index = 0; index < 180; index += 1) {
                box.scrollTop += 700;
                const now = await new Promise(requestAnimationFrame);
                times.push(now - last);
                last = now;
              }
              return times.sort((a, b) => a - b);
            }""")
            nodes = page.evaluate("document.querySelectorAll('*').length")
            cpu = (self.work(metrics) - before) / len(frames) * 1000
            p95 = frames[int(len(frames) * 0.95)]
            busy = os.getloadavg()[0] > os.cpu_count()
            print(f"\n10,000 agents: first rows {first:.0f} ms, {nodes} nodes, {cpu:.1f} ms of CPU a frame, frames p50 {frames[90]:.0f} ms, p95 {p95:.0f} ms")
            self.assertLessEqual(nodes, 1000)
            # Also on a busy machine, where a processor that is shared computes more slowly.
            self.assertLessEqual(cpu, 150 if busy else 50)
            if busy:
                print(f"load {os.getloadavg()[0]:.0f}: times by the clock say nothing here")
            else:
                self.assertLessEqual(first, 500)
                self.assertLessEqual(p95, 50)
            page.locator("[data-filter]").fill("agent-09999")
            until(page, "document.querySelectorAll('tr[data-row]').length === 1")
            self.assertEqual(page.locator("tr[data-row] a").first.inner_text(), "agent-09999")

    def test_a_flood_of_lines_keeps_few_nodes_and_a_bounded_memory(self):
        snapshot = json.dumps(many(self.node, 3))
        source = STUB + f"""
          stub((send) => {{
            send('snapshot', {snapshot});
            let number = 0;
            setInterval(() => {{
              const lines = [];
              for (let index = 0; index < 1250; index += 1) lines.push({{ at: new Date().toISOString(), agent: 'agent-00001', run: null, attempt: 1, stream: 'stderr', text: `line ${{number += 1}} ` + 'x'.repeat(80) }});
              send('log', {{ lines, skipped: 0 }});
              window.sent = number;
            }}, 50);
          }});
        """
        with browser().context(self.node) as context:
            context.add_init_script(source)
            page = open_page(context, self.node, "/logs")
            # As many as come in sixty seconds, in less; on the way there it holds all the lines that it ever holds.
            until(page, "window.sent > 100000", seconds=600)
            middle = page.evaluate("performance.memory.usedJSHeapSize")
            until(page, "window.sent > 300000", seconds=600)
            nodes = page.evaluate("document.querySelectorAll('*').length")
            print(f"\n{page.evaluate('sent')} lines: {nodes} nodes, heap {middle / 1e6:.0f} MB, then {page.evaluate('performance.memory.usedJSHeapSize') / 1e6:.0f} MB")
            self.assertLessEqual(nodes, 1000)
            self.assertLess(page.evaluate("performance.memory.usedJSHeapSize"), middle * 1.6 + 30e6)
            last = page.locator(".log .text").last.inner_text()
            self.assertTrue(last.startswith("line "))
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            page.locator("[data-act=copy-all]").click()
            page.wait_for_selector(".toast >> text=Copied")
            copied = page.evaluate("navigator.clipboard.readText()").split("\n")
            self.assertGreater(len(copied), 40_000)
            self.assertTrue(all(" line " in line for line in copied))

    def test_first_paint_is_fast(self):
        page = self.open("/")
        started = time.monotonic()
        page.reload()
        page.wait_for_selector("main h1")
        shown = time.monotonic() - started
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
        print(f"\nfirst paint {paint:.0f} ms, heading after {shown * 1000:.0f} ms")
        if os.getloadavg()[0] <= os.cpu_count():
            self.assertLess(paint, 300)
