// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The smallest folders that hold the paths which modules were refused.
struct FolderProposal {
  typealias Line = GrantProposal.Line

  /// Folders that are the machine's or hold keys, whatever is looked for in them.
  private static let machine = ["/proc", "/sys", "/dev", "/etc", "/run", "/var/run", "/boot", "/root"]
  private static let kept = [".ssh", ".gnupg", ".aws", ".kube", ".docker", ".git", ".naos", ".netrc"]

  /// Whether each is to be changed, too.
  private var folders: [String: Bool] = [:]
  private var remarks: [Line] = []

  /// What the denials of modules say in the place of their targets (`FileDenial`).
  init(_ targets: [String]) {
    for target in targets { note(FileDenial(target: target)) }
  }

  var lines: [Line] {
    let needed = folders.filter { folder, changes in
      !folders.contains { $0.key != folder && Self.holds($0.key, folder) && ($0.value || !changes) }
    }
    return needed.sorted { $0.key < $1.key }.map { folder, changes in
      .folder(
        yaml: "{ path: \(folder)\(changes ? ", mode: rw" : "") }",
        remark: "as the module names it; `as` shows another folder there")
    } + remarks
  }

  private mutating func note(_ denial: FileDenial) {
    let path = denial.path
    guard denial.isPlain else {
      return remark("\(path.isEmpty ? "(no path)" : path): no path that could be proposed as it stands")
    }
    switch denial.kind {
    case .readOnly: remark("\(path): `mode: rw` in the grant that shows it, if it is meant to be changed")
    case .within:
      remark("\(path): a link leads out of the granted folder, or it is kept from every agent: no wider grant helps")
    case .read, .write:
      guard !Self.isKept(path) else { return remark("\(path) is the machine's, or holds keys: it is not proposed") }
      let folder = Self.folder(of: path)
      folders[folder] = folders[folder] ?? false || denial.kind == .write
    }
  }

  private mutating func remark(_ text: String) { remarks.append(.remark(text)) }

  /// The root is granted to nobody: what is directly below it is taken for a folder.
  private static func folder(of path: String) -> String {
    let parts = path.split(separator: "/")
    return "/" + (parts.count > 1 ? parts.dropLast() : parts[...]).joined(separator: "/")
  }

  private static func holds(_ folder: String, _ other: String) -> Bool { other.hasPrefix(folder + "/") }

  private static func isKept(_ path: String) -> Bool {
    path == "/" || machine.contains { path == $0 || holds($0, path) }
      || path.split(separator: "/").contains { kept.contains(String($0)) || $0.hasPrefix(".env") }
  }
}
