# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Runs a program on a terminal of its own, takes the terminal away once somebody writes into a fifo, gives its status.

usage: hangup.py FIFO PROGRAM [ARGUMENT …]
"""

import os
import pty
import sys

fifo, command = sys.argv[1], sys.argv[2:]
pid, master = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
with open(fifo, encoding="utf-8") as signal:
    signal.readline()
os.close(master)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
