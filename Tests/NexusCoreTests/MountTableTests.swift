// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

struct MountTableTests {
  @Test func `a place that mounts by itself is known, and what is mounted there is none`() {
    let table = MountTable(
      """
      22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
      31 22 0:29 / /net rw,relatime shared:15 - autofs auto.net rw,fd=6
      32 31 0:44 / /net/files rw,relatime - nfs4 files:/ rw
      40 22 0:50 / /home rw - autofs auto.home rw

      """)
    for path in ["/net", "/net/elsewhere", "/net/elsewhere/x", "/home/me"] {
      #expect(table.isMountedByItself(path), "\(path)")
    }
    for path in ["/", "/srv", "/network", "/net/files", "/net/files/x"] {
      #expect(!table.isMountedByItself(path), "\(path)")
    }
    #expect(!MountTable("").isMountedByItself("/net"))
  }
}
