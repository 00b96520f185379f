# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Runs the checks of one client, says what became of each, and ends the process."""

import os
import sys


def run(names, needs):
    """Runs every function of `names` that is called `check_…`, but for those whose variable of `needs` is not set."""
    failed = 0
    for check in [value for name, value in names.items() if name.startswith("check_")]:
        if check in needs and needs[check] not in os.environ:
            print(f"left out  {check.__name__}")
            continue
        try:
            check()
            print(f"ok        {check.__name__}")
        except Exception as error:  # every check is run, whatever the others came to
            failed += 1
            print(f"FAILED    {check.__name__}: {type(error).__name__}: {error}")
    sys.exit(1 if failed else 0)
