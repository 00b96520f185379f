# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""A stream that the test itself plays: what updates, gaps and clocks do to somebody who reads."""

import json

from browser import open_page, until
from shared import DashboardTest, browser
from test_live import many
from test_security import STUB

# The test sends with play(name, data).
PLAYED = STUB + "\nstub((send) => { window.play = send; send('snapshot', %s); });"


class Played(DashboardTest):
    def page(self, path, snapshot, **options):
        context = self.enterContext(browser().context(self.node, **options))
        context.add_init_script(PLAYED % json.dumps(snapshot))
        page = open_page(context, self.node, path)
        self.addCleanup(lambda: self.assertEqual(context.troubles, []))
        return page

    def test_a_hundred_updates_move_neither_focus_nor_filter_nor_selection_nor_scroll(self):
        snapshot = many(self.node, 400)
        page = self.page("/agents?q=agent", snapshot)
        page.wait_for_selector("tr[data-row]")
        page.evaluate("document.querySelector('.rows').scrollTop = 3000")
        until(page, "document.querySelectorAll('tr[data-row]')[9]?.dataset.index > 40")
        kept = page.evaluate("""() => {
          const link = document.querySelectorAll('tr[data-row] a')[9];
          link.focus();
          const range = document.createRange();
          range.selectNodeContents(link.closest('tr').querySelector('.kind'));
          getSelection().removeAllRanges();
          getSelection().addRange(range);
          link.marked = true;
          return [link.textContent, getSelection().toString(), document.querySelector('.rows').scrollTop];
        }""")
        # Each update changes the row that is looked at and a hundred others; the last one says so in what is shown.
        page.evaluate("""async (agents) => {
          for (let number = 1; number <= 100; number += 1) {
            play('agents', agents.slice(0, 100).map((agent) => ({ ...agent, tokens: number })));
            await new Promise(requestAnimationFrame);
          }
        }""", snapshot["status"]["agents"])
        until(page, "[...document.querySelectorAll('tr[data-row]')].some((row) => row.querySelector('.tokens').textContent === '100')")
        now = page.evaluate("[document.activeElement.textContent, getSelection().toString(), document.querySelector('.rows').scrollTop]")
        self.assertEqual(now, kept)
        self.assertTrue(page.evaluate("document.activeElement.marked"))
        self.assertEqual(page.locator("[data-filter]").input_value(), "agent")
        self.assertTrue(page.url.endswith("/agents?q=agent"))

    def test_a_budget_is_for_the_agent_of_its_page_also_before_the_node_has_said_who_is_there(self):
        page = self.page("/agents/archive?tab=cost", many(self.node, 1))
        page.locator("[data-act=edit-budget][data-scope='agent:archive']").last.click()
        self.assertEqual(page.locator("dialog [name=scope]").input_value(), "agent:archive")

    def test_a_gap_is_said_and_a_reset_shows_what_is(self):
        snapshot = many(self.node, 3)
        page = self.page("/logs", snapshot)
        line = {"at": "2026-05-01T10:00:00.000Z", "agent": "agent-00001", "run": None, "attempt": 1, "stream": "stderr"}
        page.evaluate("(line) => play('log', { lines: [{ ...line, text: 'before the gap' }], skipped: 0 })", line)
        page.evaluate("(line) => play('log', { lines: [{ ...line, text: 'after the gap' }], skipped: 41 })", line)
        page.wait_for_selector(".log .line.skip >> text=41 lines")
        page.evaluate("history.pushState(null, '', '/agents'); dispatchEvent(new PopStateEvent('popstate'))")
        page.wait_for_selector("text=3 agents")
        fresh = many(self.node, 2)
        fresh["status"]["agents"][1]["state"] = "stuck"
        page.evaluate("(fresh) => play('reset', fresh)", fresh)
        page.wait_for_selector("text=2 agents")
        until(page, "document.querySelectorAll('tr[data-row]').length === 2")
        self.assertIn("stuck", page.locator("tr[data-row]").nth(1).inner_text())

    def test_summer_and_winter_time_are_told_apart(self):
        snapshot = many(self.node, 1)
        page = self.page("/logs", snapshot, timezone_id="Europe/Berlin")
        line = {"agent": "agent-00000", "run": None, "attempt": 1, "stream": "stderr"}
        # One hour apart, and the same on the clock: the night in which the hour from two to three comes twice.
        page.evaluate("(lines) => play('log', { lines, skipped: 0 })", [
            {**line, "at": "2026-10-25T00:30:00.000Z", "text": "in summer"}, {**line, "at": "2026-10-25T01:30:00.000Z", "text": "in winter"}])
        page.wait_for_selector(".line >> text=in winter")
        times = [page.locator(".line", has_text=text).locator("time") for text in ("in summer", "in winter")]
        self.assertEqual([time.inner_text() for time in times], ["02:30:00.000"] * 2)
        titles = [time.get_attribute("title") for time in times]
        self.assertRegex(titles[0], "CEST|GMT\\+2")
        self.assertRegex(titles[1], "CET|GMT\\+1")
        self.assertNotRegex(titles[1], "CEST")
        page.locator("#zone").click()
        # The node's own lines stand above.
        until(page, "[...document.querySelectorAll('.line')].find((line) => line.textContent.includes('in summer'))?.querySelector('time').textContent === '00:30:00.000'")
        self.assertEqual(times[1].inner_text(), "01:30:00.000")


class Clocks(DashboardTest):
    def test_a_browser_whose_clock_is_wrong_reckons_with_that_of_the_node(self):
        for hours in (-3, 3):
            with self.subTest(hours=hours), browser().context(self.node) as context:
                context.add_init_script(f"""{{
                  const real = Date;
                  const now = () => real.now() + {hours} * 3600000;
                  window.Date = class extends real {{
                    constructor(...given) {{ if (given.length === 0) super(now()); else super(...given); }}
                    static now() {{ return now(); }}
                  }};
                  delete window.SharedWorker;
                }}""")
                run = self.node.run("proofreader", "x")
                page = open_page(context, self.node, f"/runs/{run['id']}")
                page.wait_for_selector("dl.facts time")
                # The page may be drawn before the node has told its time; a second later everything is right.
                until(page, "/^(now|\\d+ s ago)$/.test(document.querySelector('dl.facts time').textContent)")
                self.assertEqual(context.troubles, [])
