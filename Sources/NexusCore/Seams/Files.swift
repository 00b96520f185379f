// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import Synchronization

/// Why a file could not be read or written.
package struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
  package let path: String
  /// The kernel's number, or 0 where a limit of ours said no.
  package let errorNumber: Int32
  package let message: String

  package init(path: String, errorNumber: Int32, message: String) {
    self.path = path
    self.errorNumber = errorNumber
    self.message = message
  }

  package var description: String { "\(path): \(message)" }

  /// What a person can do about it; nil where the number says too little.
  package var remedy: String? {
    switch errorNumber {
    case ENOSPC, EDQUOT: "Free some space on the device."
    case EACCES, EPERM, EROFS: "Check who may write there."
    case EWOULDBLOCK: Self.remedyOfHeld
    case EEXIST, ENOTDIR: "Move away what is there: a folder is needed in its place."
    default: nil
    }
  }

  /// What to do about a file that somebody has a lease on.
  package static let remedyOfHeld =
    "Another program has a lease on it (`lslocks` says which): try again, or end that one."

  /// What the kernel said last on this thread, of a file that was to be opened without waiting.
  static func ofOpening(_ path: String) -> FileError {
    guard errno == EWOULDBLOCK else { return lastError(path) }
    return FileError(path: path, errorNumber: EWOULDBLOCK, message: "held by another program")
  }

  /// What the kernel said last on this thread (`errno`).
  package static func lastError(_ path: String) -> FileError {
    let number = errno
    return FileError(path: path, errorNumber: number, message: unsafe String(cString: strerror(number)))
  }
}

/// The few things that modules without a framework need of the file system.
///
/// Blocking; descriptors never leak to children.
package enum Files {
  /// Reads a whole file of at most `limit` bytes.
  ///
  /// - Throws: `FileError`; a larger file is refused with error number `EFBIG`.
  package static func read(_ path: String, limit: Int, followsLink: Bool = true) throws(FileError) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLink ? 0 : O_NOFOLLOW))
    guard descriptor >= 0 else { throw FileError.ofOpening(path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError.lastError(path) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[0..<count])
      guard bytes.count <= limit else {
        throw FileError(path: path, errorNumber: EFBIG, message: "larger than \(limit) bytes")
      }
    }
  }

  /// Writes a file so that a reader sees the old or the new content and never a part: a new file, synced, renamed.
  ///
  /// For files that have one writer.
  package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws(FileError) {
    try put(bytes, at: path, mode: mode, like: nil)
  }

  /// Writes a file of the user's anew: behind its links, with the owner and the permissions that it has.
  ///
  /// Where the owner cannot be given the file, the permissions are kept all the same. Its folder is synced, too.
  package static func replace(_ bytes: [UInt8], at path: String) throws(FileError) {
    let target = resolved(path)
    var existing = stat()
    let isThere = unsafe stat(target, &existing) == 0
    try put(bytes, at: target, mode: 0o644, like: isThere ? existing : nil, isShared: true)
    let folder = unsafe open(parent(of: target), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw FileError.lastError(parent(of: target)) }
    defer { close(folder) }
    // Some file systems cannot sync a folder.
    guard fsync(folder) == 0 || errno == EINVAL else { throw FileError.lastError(parent(of: target)) }
  }

  /// The file behind the links of a path; the path itself where nothing is.
  package static func resolved(_ path: String) -> String {
    guard let real = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  /// The folder of a file.
  package static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func put(
    _ bytes: [UInt8], at path: String, mode: UInt32, like existing: stat?, isShared: Bool = false
  ) throws(FileError) {
    let (descriptor, temporary) =
      isShared ? try openBeside(path, mode: existing == nil ? mode : 0o600) : try openNext(to: path, mode: mode)
    var isRenamed = false
    defer { if !isRenamed { _ = unsafe unlink(temporary) } }
    do {
      defer { close(descriptor) }
      if let existing { try makeAlike(descriptor, existing, path: temporary) }
      try writeAll(bytes, to: descriptor, path: temporary)
      guard fsync(descriptor) == 0 else { throw FileError.lastError(temporary) }
    }
    guard unsafe rename(temporary, path) == 0 else { throw FileError.lastError(path) }
    isRenamed = true
  }

  /// A new file under a name of its own; what a writer who was killed has left there is replaced.
  private static func openNext(to path: String, mode: UInt32) throws(FileError) -> (Int32, String) {
    let name = path + ".new"
    _ = unsafe unlink(name)
    let descriptor = unsafe open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(mode))
    guard descriptor >= 0 else { throw FileError.lastError(name) }
    return (descriptor, name)
  }

  /// How often a name is looked for that nobody has.
  private static let mostNames = 1_000
  private static let lastName = Atomic<Int>(0)

  /// A new file beside another one, under a name that no other writer has.
  private static func openBeside(_ path: String, mode: UInt32) throws(FileError) -> (Int32, String) {
    for _ in 0..<mostNames {
      let number = lastName.wrappingAdd(1, ordering: .relaxed).newValue
      let name = "\(path).\(getpid())-\(number).new"
      let descriptor = unsafe open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(mode))
      if descriptor >= 0 { return (descriptor, name) }
      // Somebody's who was killed had our number.
      guard errno == EEXIST else { throw FileError.lastError(path) }
    }
    throw FileError(path: path, errorNumber: EEXIST, message: "\(mostNames) unfinished files stand beside it")
  }

  private static func makeAlike(_ descriptor: Int32, _ existing: stat, path: String) throws(FileError) {
    if fchown(descriptor, existing.st_uid, existing.st_gid) != 0 {
      // The group may be ours to give although the owner is not.
      _ = fchown(descriptor, uid_t.max, existing.st_gid)
    }
    // After the owner: a change of it takes permissions away.
    guard fchmod(descriptor, existing.st_mode & 0o777) == 0 else { throw FileError.lastError(path) }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(FileError) {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress.map { unsafe $0 + written }, bytes.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError.lastError(path) }
      written += count
    }
  }

  /// Makes a folder and those above it; what exists is left as it is.
  package static func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws(FileError) {
    guard unsafe mkdir(path, mode_t(mode)) != 0 else { return }
    if errno == EEXIST {
      if isDirectory(path) { return }
      throw FileError(path: path, errorNumber: EEXIST, message: "it is no folder, and has to be one")
    }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
      throw FileError.lastError(path)
    }
    try makeDirectory(String(path[..<slash]), mode: mode)
    guard unsafe mkdir(path, mode_t(mode)) == 0 || errno == EEXIST else { throw FileError.lastError(path) }
  }

  /// Sets the permissions of what exists.
  package static func restrict(_ path: String, mode: UInt32) throws(FileError) {
    guard unsafe chmod(path, mode_t(mode)) == 0 else { throw FileError.lastError(path) }
  }

  package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  package static func isDirectory(_ path: String) -> Bool {
    var information = stat()
    return unsafe stat(path, &information) == 0 && (information.st_mode & S_IFMT) == S_IFDIR
  }

  /// Removes a file; one that is not there is fine.
  package static func remove(_ path: String) throws(FileError) {
    guard unsafe unlink(path) == 0 || errno == ENOENT else { throw FileError.lastError(path) }
  }

  /// Removes a folder that is empty; one that is not there is fine.
  package static func removeDirectory(_ path: String) throws(FileError) {
    guard unsafe rmdir(path) == 0 || errno == ENOENT else { throw FileError.lastError(path) }
  }

  /// The names in a folder, sorted, without `.` and `..`.
  package static func list(_ path: String) throws(FileError) -> [String] {
    guard let directory = unsafe opendir(path) else { throw FileError.lastError(path) }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
