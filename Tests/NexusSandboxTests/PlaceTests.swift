// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import CGuard
import Testing

/// Where the node's own control group is, on machines of all kinds.
struct PlaceTests {
  private static let systemd = """
    25 1 0:22 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
    26 1 0:23 / /proc rw - proc proc rw

    """
  private static let hybrid = """
    31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
    32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
    35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
    41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw

    """
  private static let container = """
    660 650 0:31 /docker/abc /sys/fs/cgroup/memory ro,nosuid master:17 - cgroup cgroup rw,memory
    661 650 0:32 /docker/other /sys/fs/cgroup/pids ro,nosuid - cgroup cgroup rw,pids

    """
  private static let memberships = "5:cpu,cpuacct:/a\n4:memory:/docker/abc/x\n3:pids:/docker/abc\n0::/b/c.service\n"

  private func place(_ mounts: String, _ memberships: String, _ hierarchy: Int) -> String? {
    var path = [CChar](repeating: 0, count: 4096)
    let found = unsafe naos_locate_group(mounts, memberships, Int32(hierarchy), &path, path.count)
    return found ? String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
  }

  @Test func `a service's group is below the unified hierarchy`() {
    #expect(place(Self.systemd, Self.memberships, 0) == "/sys/fs/cgroup/b/c.service")
    #expect(place(Self.systemd, Self.memberships, 2) == nil)
  }

  @Test func `each old hierarchy is found by its controller`() {
    #expect(place(Self.hybrid, Self.memberships, 0) == "/sys/fs/cgroup/unified/b/c.service")
    #expect(place(Self.hybrid, Self.memberships, 2) == "/sys/fs/cgroup/memory/docker/abc/x")
    #expect(place(Self.hybrid, Self.memberships, 4) == "/sys/fs/cgroup/cpu,cpuacct/a")
    #expect(place(Self.hybrid, Self.memberships, 1) == nil)
  }

  @Test func `a mount that shows a part of the hierarchy is taken from there`() {
    #expect(place(Self.container, Self.memberships, 2) == "/sys/fs/cgroup/memory/x")
    #expect(place(Self.container, Self.memberships, 3) == nil)
  }

  @Test func `the group that a node stepped aside into stands for the one above`() {
    #expect(place(Self.systemd, "0::/b/c.service/naos-node\n", 0) == "/sys/fs/cgroup/b/c.service")
  }

  @Test func `a group outside of what is shown is none`() {
    #expect(place(Self.systemd, "0::/../../elsewhere\n", 0) == nil)
    #expect(place(Self.systemd, "", 0) == nil)
    #expect(place("", Self.memberships, 0) == nil)
    #expect(place("25 1 0:22 - cgroup2\n- - -\n\n", Self.memberships, 0) == nil)
  }
}
