// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

/// A folder of the file system out of which no path leads: `..` and symbolic links are resolved here, not by the kernel.
///
/// Every component is opened by itself without following links; a link's target is walked the same way. A link to an
/// absolute path, and one that leads above the folder, is refused. What is swapped underneath a walk cannot matter:
/// the walk holds descriptors, not names.
struct Beneath: ~Copyable {
  static let maxLinks = 16
  static let maxDepth = 64
  /// `O_PATH`, which the C headers hide behind `_GNU_SOURCE`.
  private static let pathOnly: Int32 = 0o10_000_000

  /// The absolute path of the folder, as it was granted.
  let root: String
  private let descriptor: Int32

  init(root: String) throws(ToolFailure) {
    let opened = unsafe Glibc.open(root, Self.pathOnly | O_CLOEXEC)
    guard opened >= 0 else { throw ToolFailure("the granted folder cannot be opened: \(Self.lastError)") }
    self.root = root
    descriptor = opened
  }

  deinit { close(descriptor) }

  static var lastError: String { unsafe String(cString: strerror(errno)) }

  /// Names that stay hidden under any grant: the project's own state, secrets, version control.
  static func isMasked(_ name: String) -> Bool {
    name == ".naos" || name == ".git" || name == ".env" || name.hasPrefix(".env.")
  }

  /// Opens a file or folder below the root; no components open the root itself.
  func open(_ components: [String]) throws(ToolFailure) -> OpenedPath {
    var stack: [(descriptor: Int32, name: String)] = []
    defer { for entry in stack { close(entry.descriptor) } }
    var pending = Array(components.reversed())
    var links = 0
    while let name = pending.popLast() {
      let parent = stack.last?.descriptor ?? descriptor
      switch name {
      case "", ".": continue
      case "..":
        guard let last = stack.popLast() else { throw ToolFailure("the path leads out of the granted folder") }
        close(last.descriptor)
        continue
      default: break
      }
      guard !Self.isMasked(name) else { throw ToolFailure("'\(name)' is hidden from tools, whatever is granted") }
      guard stack.count < Self.maxDepth else { throw ToolFailure("the path is deeper than \(Self.maxDepth) folders") }
      let opened = unsafe openat(parent, name, Self.pathOnly | O_NOFOLLOW | O_CLOEXEC)
      guard opened >= 0 else { throw ToolFailure("'\(components.joined(separator: "/"))': \(Self.lastError)") }
      guard let target = try Self.linkTarget(opened) else {
        stack.append((opened, name))
        continue
      }
      close(opened)
      links += 1
      guard links <= Self.maxLinks else { throw ToolFailure("the path has more than \(Self.maxLinks) symbolic links") }
      guard !target.hasPrefix("/") else {
        throw ToolFailure("'\(name)' is a symbolic link to an absolute path, which is not followed")
      }
      pending += target.split(separator: "/").map(String.init).reversed()
    }
    return try reopen(stack)
  }

  /// The text of a symbolic link; nil for anything else.
  private static func linkTarget(_ descriptor: Int32) throws(ToolFailure) -> String? {
    var information = stat()
    guard unsafe fstat(descriptor, &information) == 0 else {
      let reason = lastError
      close(descriptor)
      throw ToolFailure("the path cannot be examined: \(reason)")
    }
    guard information.st_mode & S_IFMT == S_IFLNK else { return nil }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = unsafe readlinkat(descriptor, "", &buffer, buffer.count)
    guard length > 0, length < buffer.count else {
      close(descriptor)
      throw ToolFailure("a symbolic link cannot be read")
    }
    return String(decoding: buffer[0..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Opens what the walk came to for reading, if it is a regular file or a folder: never a pipe or a device.
  private func reopen(_ stack: [(descriptor: Int32, name: String)]) throws(ToolFailure) -> OpenedPath {
    let found = stack.last?.descriptor ?? descriptor
    var information = stat()
    guard unsafe fstat(found, &information) == 0 else {
      throw ToolFailure("the path cannot be examined: \(Self.lastError)")
    }
    let kind = information.st_mode & S_IFMT
    guard kind == S_IFREG || kind == S_IFDIR else { throw ToolFailure("that is neither a file nor a folder") }
    // Through /proc the very inode that was examined is opened again, so nothing can be swapped in between.
    let opened = unsafe Glibc.open("/proc/self/fd/\(found)", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard opened >= 0 else { throw ToolFailure("the path cannot be opened: \(Self.lastError)") }
    return OpenedPath(
      descriptor: opened, components: stack.map(\.name), isFolder: kind == S_IFDIR, size: Int(information.st_size))
  }
}

/// An open file or folder.
struct OpenedPath: ~Copyable {
  let descriptor: Int32
  /// Below the root, with links resolved.
  let components: [String]
  let isFolder: Bool
  let size: Int

  deinit { close(descriptor) }

  /// The names in a folder, sorted by their bytes; what is masked or hidden is left out.
  func names(limit: Int) throws(ToolFailure) -> (names: [String], isCut: Bool) {
    let copy = dup(descriptor)
    guard copy >= 0, let stream = unsafe fdopendir(copy) else {
      if copy >= 0 { close(copy) }
      throw ToolFailure("the folder cannot be read: \(Beneath.lastError)")
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let bytes = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
      // A name that is not UTF-8 could not be asked for again.
      guard let name = String(validating: bytes, as: UTF8.self), !name.hasPrefix(".") else { continue }
      guard names.count < limit else { return (names.sorted(by: Self.precedes), true) }
      names.append(name)
    }
    return (names.sorted(by: Self.precedes), false)
  }

  private static func precedes(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }

  /// The content of a file, of which no more than `limit` bytes are read.
  func bytes(limit: Int) throws(ToolFailure) -> (bytes: [UInt8], isCut: Bool) {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= limit {
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw ToolFailure("the file cannot be read: \(Beneath.lastError)") }
      if count == 0 { return (bytes, false) }
      bytes.append(contentsOf: chunk[0..<count])
    }
    return (Array(bytes.prefix(limit)), true)
  }
}

extension OpenedPath {
  /// A file or folder directly inside; nil for links, pipes, devices, and what may not be read.
  func child(_ name: String) throws(ToolFailure) -> OpenedPath? {
    // O_NONBLOCK, because opening a pipe would wait for its other end.
    let opened = unsafe openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard opened >= 0 else { return nil }
    var information = stat()
    let isKnown = unsafe fstat(opened, &information) == 0
    let kind = information.st_mode & S_IFMT
    guard isKnown, kind == S_IFREG || kind == S_IFDIR else {
      close(opened)
      return nil
    }
    return OpenedPath(
      descriptor: opened, components: components + [name], isFolder: kind == S_IFDIR, size: Int(information.st_size))
  }
}
