# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Runs a program on a terminal of its own, takes the terminal away once it has written a text, and gives its status.

usage: hangup.py TEXT PROGRAM [ARGUMENT …]
"""

import os
import pty
import sys

text, command = sys.argv[1].encode(), sys.argv[2:]
pid, master = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
written = b""
while text not in written:
    written += os.read(master, 4096)
os.close(master)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
