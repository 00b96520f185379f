# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Runs a program on a terminal of its own, and says as JSON how it left it.

usage: terminal.py ENDING PROGRAM [ARGUMENT …]

Once the program has drawn its screen, the ending is done: keys that are typed, or `signal:NUMBER`.
"""

import fcntl
import json
import os
import pty
import struct
import sys
import termios

ending, command = sys.argv[1], sys.argv[2:]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 100, 0, 0))
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for descriptor in (0, 1, 2):
        os.dup2(slave, descriptor)
    os.environ["TERM"] = "xterm"
    os.execvp(command[0], command)

written = b""
while "s sort".encode() not in written:
    written += os.read(master, 4096)
during = termios.tcgetattr(slave)
if ending.startswith("signal:"):
    os.kill(pid, int(ending.removeprefix("signal:")))
else:
    os.write(master, ending.encode())
_, status = os.waitpid(pid, 0)
after = termios.tcgetattr(slave)
# This end is still open in us, so what was written is there to be read, and then there is nothing more.
os.set_blocking(master, False)
try:
    while True:
        written += os.read(master, 65536)
except BlockingIOError:
    pass
print(
    json.dumps(
        {
            "status": os.waitstatus_to_exitcode(status),
            "wasTaken": before != during and b"\x1b[?1049h" in written,
            "isBack": before == after and b"\x1b[?25h" in written and b"\x1b[?1049l" in written,
            "rows": written.count(b"first"),
        }
    )
)
