# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Runs a program on a terminal of its own, types an answer once it is asked, and says as JSON what could be seen.

usage: hidden.py ANSWER PROGRAM [ARGUMENT …]
"""

import json
import os
import pty
import sys
import termios

answer, command = sys.argv[1], sys.argv[2:]
master, slave = pty.openpty()
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    for descriptor in (0, 1, 2):
        os.dup2(slave, descriptor)
    os.execvp(command[0], command)

seen = b""
while b": " not in seen:
    seen += os.read(master, 4096)
# The question is asked before the echo is off: what is typed from then on is thrown away with it.
while termios.tcgetattr(slave)[3] & termios.ECHO:
    pass
os.write(master, answer.encode())
_, status = os.waitpid(pid, 0)
os.set_blocking(master, False)
try:
    while chunk := os.read(master, 4096):
        seen += chunk
except BlockingIOError:
    pass
after = termios.tcgetattr(slave)
print(json.dumps({
    "exit": os.waitstatus_to_exitcode(status), "seen": seen.decode(errors="replace"), "restored": after == before}))
