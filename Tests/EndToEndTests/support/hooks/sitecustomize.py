# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Lets a test stop an unmodified program at a known place: its pauses are announced, and one of them never ends.

Python loads this by itself from PYTHONPATH. Environment: ANNOUNCE, a FIFO that gets a line for each pause; STOP_AFTER,
the number of the pause that never ends, in the first attempt.
"""

import os
import signal
import time

announce = os.environ.get("ANNOUNCE")
stop_after = int(os.environ.get("STOP_AFTER", "0"))
pauses = 0

if announce:
    fifo = os.open(announce, os.O_WRONLY)

    def pause(_seconds):
        global pauses
        pauses += 1
        os.write(fifo, f"{os.getpid()} pause {pauses}\n".encode())
        while pauses == stop_after and os.environ["NAOS_ATTEMPT"] == "1":
            signal.pause()

    time.sleep = pause
