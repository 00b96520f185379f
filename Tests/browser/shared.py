# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""What all browser tests share: one Chromium, one node full of data, and where a test stands on it."""

import atexit
import functools
import unittest

from browser import Browser, open_page
from newsroom import Node, empty_node, fill


@functools.cache
def browser():
    made = Browser()
    atexit.register(made.close)
    return made


@functools.cache
def newsroom():
    node = Node()
    atexit.register(node.down)
    node.up()
    node.runs = fill(node)
    return node


@functools.cache
def nothing():
    node = empty_node()
    atexit.register(node.down)
    node.up()
    return node


class DashboardTest(unittest.TestCase):
    """A test with a browser context that is logged in to `node`; whatever goes wrong in a page fails it."""

    node_of = staticmethod(newsroom)
    options = {}
    # What a test provokes itself, by a part of its text.
    expected = ()

    def setUp(self):
        self.node = self.node_of()
        self.context = self.enterContext(browser().context(self.node, **self.options))

    def tearDown(self):
        for page in self.context.pages:
            try:
                self.context.troubles += page.evaluate("window.violations ?? []")
            except Exception as error:  # noqa: BLE001 - a page that is gone has nothing to say
                if "closed" not in str(error) and "navigation" not in str(error):
                    raise
        troubles = [trouble for trouble in self.context.troubles if not any(part in trouble for part in self.expected)]
        self.assertEqual(troubles, [])

    def open(self, path="/"):
        return open_page(self.context, self.node, path)
