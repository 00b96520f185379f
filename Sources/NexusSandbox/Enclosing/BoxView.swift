// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore

/// What a sandbox shows and hides beside the view that every sandbox has, in the order in which it is mounted; and its
/// doors.
struct BoxView {
  enum Kind: String {
    case read = "r"
    case write = "w"
    case hidden = "h"
    case door = "d"
    case datagramDoor = "u"
    case kept = "k"
    case pinned = "p"
    case output = "o"
    case startup = "s"
  }

  struct Entry: Hashable {
    var kind: Kind
    var source: String
    /// Inside; of a door, its name there.
    var place: String
  }

  /// Never shown, whatever is granted: the node's keys and journal, the keys of others, and what runs on the next commit.
  static func isSecret(_ name: String) -> Bool {
    name == ".naos" || name == ".git" || name.hasPrefix(".env")
  }

  private(set) var entries: [Entry] = []
  /// Folders between a grant and what in it is hidden or kept: moved away, they would take that along.
  private var pinned: [String] = []

  init(_ enclosure: Enclosure, _ request: LaunchRequest, workingDirectory: String) {
    let path = request.environment.last { $0.name == "PATH" }?.value ?? ""
    let writable = enclosure.folders.filter(\.isWritable).map(\.path)
    let program = ProgramPlaces(request.arguments.first ?? "", path: path, untrusted: writable)
    let own = Enclosure.Folder(path: workingDirectory, place: workingDirectory, isWritable: false)
    let programs = program.places.map { Enclosure.Folder(path: $0, place: $0, isWritable: false) }
    var folders: [Enclosure.Folder] = []
    // A grant takes the place of what is shown by itself; the root of the machine never is.
    for folder in enclosure.folders + [own] + programs where folder.place != "/" {
      if !folders.contains(where: { $0.place == folder.place }) { folders.append(folder) }
    }
    folders.sort { ($0.place.components, $0.place) < ($1.place.components, $1.place) }
    for folder in folders {
      let source = Self.source(of: folder.path, below: workingDirectory)
      entries.append(Entry(kind: folder.isWritable ? .write : .read, source: source, place: folder.place))
    }
    for folder in folders {
      hideNames(in: folder.path, at: folder.place)
      for path in enclosure.hidden { hide(path, within: folder) }
      guard folder.isWritable else { continue }
      for path in enclosure.kept { keep(path, within: folder) }
      let granted = folders.filter(\.isWritable).map(\.place)
      for place in StartupFiles.held(in: folder, granted: granted) { keep(folder.path + "/" + place, within: folder) }
    }
    // Those above go first: the mount of a folder is not to lie over one within it.
    pinned.sort { ($0.components, $0) < ($1.components, $1) }
    entries += pinned.map { Entry(kind: .pinned, source: "", place: $0) }
    if let output = enclosure.output {
      // The path is the node's own; its links, if any, are the operator's.
      let source = FilePlaces.real(output.path) ?? output.path
      entries.append(Entry(kind: .output, source: source, place: Enclosure.output))
    }
    if folders.contains(where: \.isWritable) {
      entries += StartupPlace.all.map { Entry(kind: .startup, source: $0.isAnywhere ? "*" : "", place: $0.path) }
    }
    entries += enclosure.doors.map {
      Entry(kind: $0.destination == .names ? .datagramDoor : .door, source: $0.place, place: $0.name)
    }
  }

  private mutating func hideNames(in path: String, at place: String) {
    for name in FilePlaces.names(in: path) where Self.isSecret(name) { hide(place + "/" + name) }
  }

  private mutating func hide(_ place: String) {
    let entry = Entry(kind: .hidden, source: "", place: place)
    if !entries.contains(entry) { entries.append(entry) }
  }

  /// Hides `path` where a folder shows it deeper than at its top, and the names beside it that are secrets.
  private mutating func hide(_ path: String, within folder: Enclosure.Folder) {
    guard let real = FilePlaces.real(path), let top = FilePlaces.real(folder.path), real.hasPrefix(top + "/") else {
      return
    }
    let place = folder.place + real.dropFirst(top.count)
    hide(place)
    hideNames(in: real.folder, at: place.folder)
    if folder.isWritable { pin(above: place, within: folder) }
  }

  /// Lets nobody change or replace the file at `path`, where a folder shows it: by its name, and by where that leads.
  private mutating func keep(_ path: String, within folder: Enclosure.Folder) {
    let real = (FilePlaces.real(path) ?? path, FilePlaces.real(folder.path) ?? folder.path)
    // A grant may be of the file alone.
    for (path, top) in [(path, folder.path), real] where path == top || path.hasPrefix(top + "/") {
      let entry = Entry(kind: .kept, source: "", place: folder.place + path.dropFirst(top.count))
      if entries.contains(entry) { continue }
      entries.append(entry)
      pin(above: entry.place, within: folder)
    }
  }

  private mutating func pin(above place: String, within folder: Enclosure.Folder) {
    var above = place.folder
    while above.hasPrefix(folder.place + "/") {
      if !pinned.contains(above) { pinned.append(above) }
      above = above.folder
    }
  }

  var strings: [String] { entries.flatMap { [$0.kind.rawValue + $0.source, $0.place] } }

  /// The working directory may be reached by links, which are the operator's; below it, links may be an agent's, and the
  /// guard follows none.
  private static func source(of path: String, below directory: String) -> String {
    guard path == directory || path.hasPrefix(directory + "/") else { return path }
    return (FilePlaces.real(directory) ?? directory) + path.dropFirst(directory.count)
  }
}

extension String {
  fileprivate var components: Int { split(separator: "/").count }
}

/// Where the files of a program are that the view of every sandbox lacks: a command in somebody's home, the interpreter
/// that a virtual environment points to.
struct ProgramPlaces {
  private static let visible = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt"]
  private static let linkLimit = 16
  private(set) var places: [String] = []

  /// Looks for `command` as a shell does; what a link in `untrusted`, which an agent may write to, says is not followed.
  init(_ command: String, path: String, untrusted: [String]) {
    let candidates =
      command.contains("/")
      ? [command] : path.split(separator: ":").map { "\($0)/\(command)" }
    guard var place = candidates.first(where: FilePlaces.isExecutable), place.hasPrefix("/") else { return }
    for _ in 0..<Self.linkLimit {
      add(place)
      if untrusted.contains(where: { place == $0 || place.hasPrefix($0 + "/") }) { return }
      guard let target = FilePlaces.link(at: place) else { return }
      place = target.hasPrefix("/") ? target : place.folder + "/" + target
    }
  }

  /// The prefix of a program in `bin`; of any other the file alone.
  private mutating func add(_ place: String) {
    guard let real = FilePlaces.real(place.folder) else { return }
    let file = real + "/" + String(place.split(separator: "/").last ?? "")
    if Self.visible.contains(where: { file.hasPrefix($0 + "/") }) { return }
    let prefix = real.folder
    let isPrefix = ["bin", "shims"].contains(real.split(separator: "/").last ?? "") && prefix.isOfOneProgram
    if isPrefix {
      if !places.contains(prefix) { places.append(prefix) }
    } else if FilePlaces.link(at: file) == nil, !places.contains(file) {
      places.append(file)
    }
  }
}

extension String {
  fileprivate var folder: String { lastIndex(of: "/").map { $0 == startIndex ? "/" : String(self[..<$0]) } ?? "." }

  /// Whether a folder is deep enough to be the prefix of a program, and not the home of a person or `~/.local`.
  fileprivate var isOfOneProgram: Bool {
    let parts = split(separator: "/")
    guard let last = parts.last, last != ".local" else { return false }
    if parts.first == "home" { return parts.count > 2 }
    return parts.count > 1
  }
}

/// Questions to the file system, answered without following the last link.
enum FilePlaces {
  static func isExecutable(_ path: String) -> Bool {
    var facts = stat()
    return unsafe stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }

  static func real(_ path: String) -> String? {
    guard let found = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(found) }
    return unsafe String(cString: found)
  }

  static func link(at path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count: Int = unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe bytes.withMemoryRebound(to: CChar.self) { text in
        guard let start = text.baseAddress else { return -1 }
        return unsafe readlink(path, start, text.count)
      }
    }
    return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
  }

  static func names(in folder: String) -> [String] {
    guard let listing = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(listing) }
    var names: [String] = []
    while let entry = unsafe readdir(listing) {
      names.append(
        unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
          unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        })
    }
    return names
  }
}
