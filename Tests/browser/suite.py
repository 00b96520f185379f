# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Runs all tests, or those that are named.

What fails is tried once more by itself, and said: on a busy machine a browser misses a deadline now and then. More than a
few failures are not that, and fail at once.
"""
import sys
import unittest

# So many tests may fail the first time.
MOST_TRIED_AGAIN = 3


def run(suite):
    return unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)


def failed(result):
    return [test for test, _ in result.failures + result.errors] + result.unexpectedSuccesses


def main():
    loader = unittest.TestLoader()
    names = sys.argv[1:]
    result = run(loader.loadTestsFromNames(names) if names else loader.discover(".", pattern="test_*.py"))
    if result.testsRun == 0:
        sys.exit("there are no such tests")
    again = failed(result)
    if not again:
        return
    if len(again) > MOST_TRIED_AGAIN or any(not isinstance(test, unittest.TestCase) for test in again):
        sys.exit(f"{len(again)} of {result.testsRun} failed")
    names = [test.id() for test in again]
    print(f"once more: {', '.join(names)}")
    second = run(loader.loadTestsFromNames(names))
    if failed(second):
        sys.exit("failed twice: " + ", ".join(test.id() for test in failed(second)))
    print(f"{result.testsRun} tests passed; the second time only: {', '.join(names)}")


if __name__ == "__main__":
    main()
