// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Where file systems are mounted, and of what kinds they are.
package struct MountTable: Sendable {
  /// Those of this machine's own disks and memory: a look at them waits for nobody else, and tells nobody.
  private static let own: Set<String> = [
    "bcachefs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "jfs", "ntfs3", "overlay", "ramfs", "rootfs",
    "squashfs", "tmpfs", "vfat", "xfs", "zfs",
  ]
  private var kinds: [String: String] = [:]

  /// Of the machine, as this process sees it.
  package init() {
    let text = (try? Files.read("/proc/self/mountinfo", limit: 1 << 22)).map { String(decoding: $0, as: UTF8.self) }
    self.init(text ?? "")
  }

  /// As `mountinfo` of `/proc` says it.
  package init(_ text: String) {
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count > 4, let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count else { continue }
      // What is mounted over another comes later.
      kinds[Self.plain(fields[4])] = String(fields[dash + 1])
    }
  }

  /// Whether something is mounted right there.
  package func isMounted(_ path: String) -> Bool { kinds[path] != nil }

  /// Where that is mounted which holds a path.
  package func place(of path: String) -> String {
    var place = path
    while !place.isEmpty, kinds[place] == nil {
      place = place.lastIndex(of: "/").map { String(place[..<$0]) } ?? ""
    }
    return place.isEmpty ? "/" : place
  }

  /// Whether what is mounted there is of this machine's own.
  package func isOwn(_ place: String) -> Bool { kinds[place].map(Self.own.contains) ?? false }

  /// Whether it mounts others when somebody looks.
  package func mountsByItself(_ place: String) -> Bool { kinds[place] == "autofs" }

  /// Blanks and the like stand there as `\040`.
  private static func plain(_ field: Substring) -> String {
    guard field.contains("\\") else { return String(field) }
    var bytes: [UInt8] = []
    var rest = Array(field.utf8)[...]
    while let byte = rest.first {
      if byte == 0x5C, let code = UInt8(String(decoding: rest.dropFirst().prefix(3), as: UTF8.self), radix: 8) {
        bytes.append(code)
        rest = rest.dropFirst(4)
      } else {
        bytes.append(byte)
        rest = rest.dropFirst()
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
