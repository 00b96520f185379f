# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Every page: it loads, its address says all about it, its keys work, and everybody can read it."""

import itertools
import re

from browser import DESKTOP, PAGES, PHONE, axe_source, frames, open_page, settle, until
from newsroom import empty_node
from shared import DashboardTest, browser, newsroom, nothing


class PagesLoad(DashboardTest):
    def test_every_page_has_its_title_and_nothing_goes_wrong(self):
        for path, title in PAGES.items():
            with self.subTest(path):
                page = self.open(path)
                self.assertEqual(page.locator("main h1").first.inner_text(), title)
                # The project's name comes with the first status.
                until(page, "document.title.includes('newsroom')")
                self.assertEqual(page.locator("#nav [aria-current=page]").inner_text().split("\n")[0], title)
                self.assertGreater(len(page.locator("main").inner_text()), 60)
                page.close()

    def test_no_page_is_wider_than_a_phone(self):
        self.context.close()
        self.context = self.enterContext(browser().context(self.node, viewport=PHONE))
        runs = self.node.runs
        for path in [*PAGES, "/agents/researcher", f"/runs/{runs['back']['id']}", f"/runs/{runs['briefing']['id']}?tab=journal"]:
            with self.subTest(path):
                page = self.open(path)
                self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), PHONE["width"])
                page.close()

    def test_the_overview_answers_what_runs_what_it_costs_what_is_stuck_and_what_waits(self):
        page = self.open("/")
        numbers = page.locator(".numbers")
        status = self.node.api("/status")
        self.assertIn(f"/{len(status['agents'])}\n", numbers.inner_text())
        self.assertIn("wait for something", numbers.inner_text())
        worries = page.locator(".worries")
        self.assertIn("review", worries.inner_text())
        self.assertIn("exhausted", worries.inner_text())
        worries.locator("a", has_text="summariser").first.click()
        page.wait_for_url("**/agents/summariser")

    def test_a_project_without_anything_says_what_to_do(self):
        with browser().context(nothing()) as context:
            page = context.new_page()
            page.goto(nothing().url)
            page.wait_for_selector(".teach")
            self.assertEqual(page.locator(".teach .command").count(), 3)
            for path, words in {"/agents": "naos create", "/runs": "naos run", "/pools": "pools:", "/costs": "Nothing was spent", "/system": "Nothing is started by the clock", "/supervisors": "supervisors:", "/logs": "No lines yet", "/approvals": "Nothing waits for you."}.items():
                page.goto(nothing().url + path)
                until(page, "(words) => document.querySelector('main').textContent.includes(words)", words)
            self.assertEqual(context.troubles, [])

    def test_an_agent_that_never_ran_is_run_from_the_overview(self):
        node = empty_node("agents:\n  demo: { command: [cat] }\n")
        self.addCleanup(node.down)
        node.up()
        with browser().context(node) as context:
            page = open_page(context, node, "/")
            page.locator("main [data-act=start-run]", has_text="Run demo").click()
            page.locator("dialog textarea[name=input]").fill("hello")
            page.locator("dialog button[type=submit]").click()
            page.wait_for_url("**/runs/run_*")
            page.wait_for_selector("h1 .state >> text=completed")
            self.assertEqual(context.troubles, [])

    def test_pages_that_are_not_built_say_that_they_are_off(self):
        page = self.open("/trust")
        self.assertIn("Trust is off", page.locator("main").inner_text())

    def test_the_audit_log_is_found_in_and_checked(self):
        page = self.open("/audit")
        page.wait_for_selector("table tbody tr")
        page.locator("input[data-filter]").fill("node.started")
        until(page, "() => [...document.querySelectorAll('tbody tr')].every((row) => row.textContent.includes('node.started'))")
        page.locator("[data-act=verify]").click()
        until(page, "() => document.querySelector('main').textContent.includes(' entries')")
        page.close()


class Runs(DashboardTest):
    def test_a_saga_that_went_back_shows_both_lanes_and_the_order_of_compensations(self):
        page = self.open(f"/runs/{self.node.runs['back']['id']}")
        page.wait_for_selector("a.box.undo")
        actions = page.locator("a.box.action strong").all_inner_texts()
        self.assertEqual(actions, ["research", "write", "publish"])
        undone = {box.locator("strong").inner_text(): box.inner_text() for box in page.locator("a.box.undo").all()}
        self.assertIn("undone first", undone["write"])
        self.assertIn("undone second", undone["research"])
        # Each compensation stands below its action.
        for name in ("research", "write"):
            above = page.locator("a.box.action", has_text=name).bounding_box()
            below = page.locator("a.box.undo", has_text=name).bounding_box()
            self.assertEqual(above["x"], below["x"])
            self.assertGreater(below["y"], above["y"])
        lanes = page.locator(".timeline .lane:not(.axis) .lane-name").all_inner_texts()
        self.assertEqual(lanes, ["research", "write", "publish", "← write", "← research"])
        self.assertEqual(page.locator(".lane", has_text="publish").locator(".span.bad").count(), 2)

    def test_an_entry_of_the_journal_has_an_address(self):
        run = self.node.runs["back"]["id"]
        entries = self.node.api(f"/runs/{run}/journal?limit=1000")["entries"]
        page = self.open(f"/runs/{run}?tab=journal&at=12")
        page.wait_for_selector("#entry-12.chosen details[open]")
        self.assertEqual(page.locator(".journal > li").count(), len(entries))
        self.assertEqual(page.locator(".journal .summary").nth(11).inner_text(), entries[11]["summary"])

    def test_chips_count_and_choose_and_pages_follow_each_other(self):
        page = self.open("/runs")
        counts = self.node.api("/status")["runs"]
        chip = page.locator(".chip[data-word=completed]")
        self.assertEqual(chip.locator(".many").inner_text(), str(counts["completed"]))
        page.locator(".chip[data-word=compensated]").click()
        page.wait_for_url("**/runs?status=compensated")
        until(page, "document.querySelectorAll('main tbody tr').length === 1")
        page.go_back()
        until(page, "document.querySelectorAll('main tbody tr').length > 5")


class Addresses(DashboardTest):
    def test_back_forward_and_a_pasted_address_restore_the_view(self):
        page = self.open("/agents")
        page.locator("[data-filter]").fill("team:backstage")
        until(page, "document.querySelectorAll('tr[data-row]').length === 3")
        self.assertTrue(page.url.endswith("/agents?q=team%3Abackstage"))
        page.locator("tr[data-row] a", has_text="archive").click()
        page.wait_for_url("**/agents/archive")
        page.locator(".tabs a", has_text="Config").click()
        page.wait_for_url("**/agents/archive?tab=config")
        page.go_back()
        page.go_back()
        until(page, "document.querySelectorAll('tr[data-row]').length === 3")
        self.assertEqual(page.locator("[data-filter]").input_value(), "team:backstage")
        page.go_forward()
        page.go_forward()
        until(page, "document.querySelector('main').textContent.includes('What holds now')")
        pasted = self.open("/agents?q=-state:running+kind:llm&sort=cost")
        until(pasted, "document.querySelectorAll('tr[data-row]').length === 2")
        self.assertEqual(pasted.locator("tr[data-row] a").first.inner_text(), "researcher")
        self.assertEqual(pasted.locator("th[aria-sort]").inner_text(), "Cost and budget ↓")
        logs = self.open("/logs?agent=press&q=jam&wrap=yes")
        until(logs, "document.querySelectorAll('.log.wrap .line').length > 0")
        self.assertTrue(all("jam" in text for text in logs.locator(".log .text").all_inner_texts()))

    def test_a_filter_that_is_wrong_says_so(self):
        page = self.open("/agents?q=colour:red")
        self.assertIn("There is no colour", page.locator(".found").inner_text())

    def test_scrolling_back_leads_to_the_same_place(self):
        page = self.open("/costs")
        page.set_viewport_size({"width": 1280, "height": 420})
        page.evaluate("scrollTo(0, 300)")
        until(page, "history.state?.scroll === 300")
        page.locator("#nav a", has_text="System").click()
        page.wait_for_url("**/system")
        page.go_back()
        until(page, "Math.abs(scrollY - 300) < 5")


class Keys(DashboardTest):
    def test_every_page_is_reached_and_used_by_keys_alone(self):
        page = self.open("/")
        keys = {"/agents": "a", "/supervisors": "s", "/runs": "r", "/pools": "p", "/approvals": "!", "/costs": "c", "/logs": "l", "/trust": "t", "/audit": "u", "/system": "y", "/": "o"}
        for path, key in keys.items():
            page.keyboard.press("g")
            page.keyboard.type(key)
            until(page, "(path) => location.pathname === path && document.querySelector('main h1') !== null", path)
            settle(page)

    def test_rows_are_walked_opened_and_chosen(self):
        page = self.open("/agents")
        page.wait_for_selector("tr[data-row]")
        page.keyboard.press("j")
        page.keyboard.press("j")
        self.assertEqual(page.evaluate("document.activeElement.textContent"), "delete-draft")
        page.keyboard.press("x")
        page.keyboard.press("k")
        page.keyboard.press("x")
        self.assertIn("2 chosen", page.locator(".tools").inner_text())
        page.keyboard.press(".")
        page.wait_for_selector("dialog [role=menuitem]")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        self.assertEqual(page.evaluate("document.activeElement.closest('tr')?.dataset.row"), "archive")
        page.locator("tr[data-row=archive] a").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/agents/archive")
        page.keyboard.press("g")
        page.keyboard.press("a")
        page.wait_for_selector("[data-filter]")
        page.keyboard.press("/")
        self.assertTrue(page.evaluate("document.activeElement.matches('[data-filter]')"))
        page.keyboard.type("jud?g j")
        self.assertIn("q=jud", page.url)

    def test_the_palette_goes_anywhere(self):
        page = self.open("/")
        page.keyboard.press("Control+k")
        page.keyboard.type("wirefeed")
        until(page, "document.querySelector('[aria-selected=true]')?.textContent.startsWith('wire-feed')")
        page.keyboard.press("Enter")
        page.wait_for_url("**/agents/wire-feed")
        page.keyboard.press("Control+k")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")

    def test_keys_can_be_switched_off_and_do_nothing_in_fields(self):
        page = self.open("/")
        page.keyboard.press("?")
        page.wait_for_selector("dialog.keys")
        page.locator("#keys-on").uncheck()
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        page.keyboard.press("g")
        page.keyboard.press("a")
        page.keyboard.press("Control+k")
        page.wait_for_selector("dialog.palette")
        self.assertEqual(page.evaluate("location.pathname"), "/")
        page.evaluate("localStorage.removeItem('naos-keys')")

    def test_tab_reaches_everything_on_every_page_and_focus_is_seen(self):
        runs = self.node.runs
        for path in [*PAGES, "/agents/archive", "/agents/researcher?tab=cost", f"/runs/{runs['back']['id']}"]:
            with self.subTest(path):
                page = self.open(path)
                # Nothing comes or goes meanwhile.
                page.keyboard.press("Space")
                page.wait_for_selector("#live.paused")
                page.evaluate('''() => {
                  document.activeElement.blur();
                  // A line out of sight is taken away and made anew: what stands in it is known by its line and its act.
                  window.known = (one) => one.dataset.index === undefined ? one : `${one.dataset.act} ${one.dataset.index}`;
                  window.reached = new Set();
                  window.unseen = [];
                  document.addEventListener("focusin", ({ target }) => {
                    reached.add(known(target));
                    if (getComputedStyle(target).outlineStyle === "none" && !target.matches("main, input, select")) unseen.push(target.outerHTML.slice(0, 200));
                  });
                }''')
                # How many there are, and those that were not reached.
                wanted = '''() => {
                  const all = [...document.querySelectorAll("a[href], button:not(:disabled), input, select, summary, [tabindex='0']")].filter((one) =>
                  one.tabIndex >= 0 && one.checkVisibility({ visibilityProperty: true }));
                  return [all.length, all.filter((one) => !reached.has(known(one))).map((one) => one.outerHTML.slice(0, 200))];
                }'''
                # Lines and rows that were out of sight come as the focus reaches them, so it may go round more than once.
                for _ in range(8):
                    count, left = page.evaluate(wanted)
                    if not left:
                        break
                    for _ in range(count + 2):
                        page.keyboard.press("Tab")
                self.assertEqual(page.evaluate(wanted)[1], [])
                self.assertEqual(page.evaluate("unseen"), [])
                page.close()


class Everybody(DashboardTest):
    def violations(self, node, paths, widths=(DESKTOP, PHONE)):
        """Each page is loaded once, and then looked at in each width and each scheme."""
        found = []
        axe = axe_source()
        with browser().context(node, reduced_motion="reduce") as context:
            page = context.new_page()
            for path in paths:
                page.goto(node.url + path)
                page.wait_for_selector("main h1")
                page.wait_for_selector("#live.live")
                settle(page)
                page.evaluate(axe)
                for width, scheme in itertools.product(widths, ("light", "dark")):
                    page.set_viewport_size(width)
                    page.emulate_media(color_scheme=scheme)
                    frames(page)
                    result = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
                    found += [f"{scheme} {width['width']} {path}: {one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0].get('failureSummary', '')[:300]}" for one in result["violations"]]
            self.assertEqual(context.troubles, [])
        return found

    def test_axe_finds_nothing_light_and_dark_wide_and_narrow(self):
        runs = self.node.runs
        paths = [*PAGES, "/agents/researcher", "/agents/researcher?tab=runs", "/agents/researcher?tab=cost", "/agents/researcher?tab=context", "/agents/researcher?tab=config", "/agents/press?tab=logs", "/agents/researcher?tab=events", "/supervisors?view=table",
                 f"/runs/{runs['back']['id']}", f"/runs/{runs['waits']['id']}", f"/runs/{runs['briefing']['id']}?tab=calls", f"/runs/{runs['back']['id']}?tab=data", f"/runs/{runs['back']['id']}?tab=journal&at=3", f"/runs/{runs['back']['id']}?tab=logs", "/agents?q=state:exhausted", "/logs?wrap=yes"]
        self.assertEqual(self.violations(newsroom(), paths), [])

    def test_axe_finds_nothing_on_empty_pages_and_in_dialogs(self):
        self.assertEqual(self.violations(nothing(), PAGES), [])
        page = self.open("/agents/archive")
        for opener in ("Control+k", "?"):
            page.keyboard.press(opener)
            page.wait_for_selector("dialog[open]")
            page.evaluate(axe_source())
            result = page.evaluate("axe.run(document.querySelector('dialog'), { resultTypes: ['violations'] })")
            self.assertEqual([one["id"] for one in result["violations"]], [])
            page.keyboard.press("Escape")
            page.wait_for_selector("dialog", state="detached")

    def test_times_are_local_or_universal_and_say_which(self):
        page = self.open(f"/runs/{self.node.runs['back']['id']}?tab=journal")
        page.wait_for_selector(".journal time")
        first = page.locator(".journal time").first
        entry = self.node.api(f"/runs/{self.node.runs['back']['id']}/journal?limit=1")["entries"][0]["at"]
        local = first.inner_text()
        self.assertNotEqual(local[:2], entry[11:13])
        page.locator("#zone").click()
        until(page, "(text) => document.querySelector('.journal time').textContent === text", entry[11:23])
        self.assertIn("UTC", first.get_attribute("title"))
        page.locator("#zone").click()
        self.assertRegex(first.get_attribute("title"), re.compile("CET|GMT\\+1"))
