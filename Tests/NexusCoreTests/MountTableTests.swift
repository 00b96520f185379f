// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

struct MountTableTests {
  let table = MountTable(
    """
    22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
    31 22 0:29 / /net rw,relatime shared:15 - autofs auto.net rw,fd=6
    32 31 0:44 / /net/files rw,relatime - nfs4 files:/ rw
    40 22 0:50 / /my\\040disk rw - autofs auto.home rw

    """)

  @Test func `what holds a path is known, and whether it is of the machine's own`() {
    for (path, place) in [
      ("/", "/"), ("/srv/x", "/"), ("/network", "/"), ("/net", "/net"), ("/net/elsewhere/x", "/net"),
      ("/net/files/x", "/net/files"), ("/my disk/x", "/my disk"),
    ] {
      #expect(table.place(of: path) == place, "\(path)")
    }
    #expect(table.isOwn("/") && !table.isOwn("/net") && !table.isOwn("/net/files") && !table.isOwn("/my disk"))
    #expect(table.mountsByItself("/my disk") && table.mountsByItself("/net") && !table.mountsByItself("/net/files"))
    #expect(table.isMounted("/net/files") && !table.isMounted("/net/files/x") && !MountTable("").isMounted("/"))
  }
}
