# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Writes where the agent plane is, and its key, to the file that SEAT names, and says so in the pipe ANNOUNCE if there is
one; stays until it is ended, unless BRIEF=1.
"""

import json
import os
import signal

seat = os.environ["SEAT"]
with open(seat + ".part", "w", encoding="utf-8") as file:
    json.dump({"url": os.environ["NAOS_URL"], "key": os.environ["NAOS_TOKEN"]}, file)
os.rename(seat + ".part", seat)
if "ANNOUNCE" in os.environ:
    os.write(os.open(os.environ["ANNOUNCE"], os.O_WRONLY), f"{os.getpid()} seated\n".encode())
if os.environ.get("BRIEF") != "1":
    signal.pause()
