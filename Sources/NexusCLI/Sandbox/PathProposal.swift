// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// What is proposed for a path that a sandbox has no grant for: that path, and nothing around it.
struct PathProposal {
  /// Folders that are the machine's, or of many at once.
  private static let wide: Set<String> = [
    "/", "/home", "/root", "/var", "/run", "/srv", "/mnt", "/media", "/boot", "/sys", "/proc", "/dev", "/etc", "/tmp",
    "/usr",
  ]
  private static let machine = ["/etc/", "/proc/", "/sys/", "/dev/", "/boot/", "/run/", "/var/run/", "/var/lib/"]

  private static let (readable, writable, kept) = (" (ro)", " (rw)", " (kept)")

  private let target: String

  private init(_ target: String) { self.target = target }

  /// Whether it is the target of a denial of a process: a path of the host and what it is needed for, as
  /// `/home/me/data.csv (ro)`.
  ///
  /// Those of modules read otherwise (`FileDenial`): what they name is a path of their own.
  static func concerns(_ target: String) -> Bool { [readable, writable, kept].contains(where: target.hasSuffix) }

  static func lines(_ targets: [String]) -> [GrantProposal.Line] {
    // Who may write there may read there.
    let written = targets.filter { $0.hasSuffix(writable) }.map { String($0.dropLast(writable.count)) + readable }
    return targets.filter { concerns($0) && !written.contains($0) }.map { PathProposal($0).line }
  }

  private var line: GrantProposal.Line {
    if target.hasSuffix(Self.kept) {
      let path = target.dropLast(Self.kept.count)
      return .remark(
        "\(path) stays as it is in any folder: it is of the configuration, or others run it by themselves")
    }
    let isWritable = target.hasSuffix(Self.writable)
    guard target.hasPrefix("/"), !target.contains("?") else {
      return .remark("\(target) is no path that can be granted")
    }
    let path = String(target.dropLast(Self.readable.count))
    let names = path.split(separator: "/").map(String.init)
    if KeyPlaces.hold(path) {
      return .remark("\(path) may hold keys, or what others run: it is not proposed")
    }
    if Self.wide.contains(path) || Self.machine.contains(where: { path.hasPrefix($0) })
      || (isWritable && names.count == 2 && names[0] == "home")
    {
      return .remark("\(path) is more than an agent should have: grant what it needs of it")
    }
    let isPlain = path.unicodeScalars.allSatisfy { scalar in
      (0x30...0x39).contains(scalar.value) || (0x41...0x5A).contains(scalar.value)
        || (0x61...0x7A).contains(scalar.value) || "/._-".unicodeScalars.contains(scalar)
    }
    let text = isPlain ? path : String(decoding: JSONValue.string(path).encoded(), as: UTF8.self)
    return .folder(yaml: isWritable ? "{ path: \(text), mode: rw }" : "{ path: \(text) }", remark: nil)
  }
}
