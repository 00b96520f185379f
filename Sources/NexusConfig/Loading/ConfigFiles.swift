// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore
internal import NexusDiagnostics

/// Why a file could not be read.
package enum ConfigFileFailure: Error, Sendable, Hashable {
  case missing
  case notRegular
  case tooLarge
  /// Somebody has a lease on it, and has not let go of it yet.
  case held
  case unreadable(String)

  /// What the kernel said last on this thread (`errno`), of a file that could not be opened.
  static func ofOpening() -> ConfigFileFailure {
    switch errno {
    case ENOENT: .missing
    case EWOULDBLOCK: .held
    default: .unreadable(unsafe String(cString: strerror(errno)))
    }
  }
}

/// The seam to the file system, so that configuration can be loaded from memory in tests.
package protocol ConfigFiles: Sendable {
  func read(_ path: String) -> Result<[UInt8], ConfigFileFailure>
  func exists(_ path: String) -> Bool
  /// At most so many bytes from the start of a file of any size.
  func first(_ count: Int, of path: String) -> Result<[UInt8], ConfigFileFailure>
  /// The names in a folder, sorted, at most `ConfigLimits.maxDirectoryEntries`; empty if it cannot be read.
  func names(in directory: String) -> [String]
  /// The file behind the symbolic links of a path; the path itself where nothing is.
  func target(of path: String) -> String
}

extension ConfigFiles {
  package func target(of path: String) -> String { path }

  package func first(_ count: Int, of path: String) -> Result<[UInt8], ConfigFileFailure> {
    read(path).map { Array($0.prefix(count)) }
  }

  /// A file as text; what is not UTF-8 is located.
  func readText(_ path: String, shownAs name: String, from location: SourceLocation?) -> Result<SourceFile, Diagnostic>
  {
    let bytes: [UInt8]
    switch read(path) {
    case .success(let read): bytes = read
    case .failure(let failure): return .failure(diagnostic(failure, name, location))
    }
    let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    if let text = String(validating: content, as: UTF8.self) { return .success(SourceFile(name: name, text: text)) }
    let offset = UTF8Check.firstInvalidOffset(content)
    let before = String(decoding: content[content.startIndex..<(content.startIndex + offset)], as: UTF8.self)
    let mark = YAMLNode.Mark(byteOffset: offset, in: before)
    return .failure(
      Diagnostic(
        "NX-CFG-004", "`\(name)` is not UTF-8",
        at: SourceLocation(file: name, line: mark.line + 1, column: mark.column + 1),
        notes: location.map { [.init("it is read because of this", at: $0)] } ?? [],
        help: "save the file as UTF-8"))
  }

  private func diagnostic(_ failure: ConfigFileFailure, _ name: String, _ location: SourceLocation?) -> Diagnostic {
    switch failure {
    case .missing:
      Diagnostic("NX-CFG-002", "there is no file `\(name)`", at: location, help: "check its path")
    case .notRegular:
      Diagnostic("NX-CFG-002", "`\(name)` is not a regular file", at: location, help: "name a file")
    case .held:
      Diagnostic(
        "NX-CFG-002", "`\(name)` is held by another program", at: location, help: FileError.remedyOfHeld)
    case .unreadable(let reason):
      Diagnostic("NX-CFG-002", "`\(name)` cannot be read: \(reason)", at: location, help: "check its permissions")
    case .tooLarge:
      Diagnostic(
        "NX-CFG-003", "`\(name)` is larger than \(ConfigLimits.maxFileBytes) bytes", at: location,
        help: "split it with `include`")
    }
  }
}

enum UTF8Check {
  /// The offset of the first byte that does not belong to valid UTF-8, from the start of the slice.
  static func firstInvalidOffset(_ bytes: ArraySlice<UInt8>) -> Int {
    var decoder = UTF8()
    var iterator = CountingIterator(bytes.makeIterator())
    var valid = 0
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue(let scalar): valid += scalar.utf8.count
      case .emptyInput, .error: return valid
      }
    }
  }

  private struct CountingIterator: IteratorProtocol {
    var base: ArraySlice<UInt8>.Iterator
    init(_ base: ArraySlice<UInt8>.Iterator) { self.base = base }
    mutating func next() -> UInt8? { base.next() }
  }
}

/// The real file system.
struct DiskFiles: ConfigFiles {
  func read(_ path: String) -> Result<[UInt8], ConfigFileFailure> {
    // Without O_NONBLOCK the opening of a pipe would wait for its writer for ever.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return .failure(.ofOpening()) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return .failure(.unreadable(Self.reason())) }
    guard status.st_mode & S_IFMT == S_IFREG else { return .failure(.notRegular) }
    guard status.st_size <= ConfigLimits.maxFileBytes else { return .failure(.tooLarge) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { buffer in
        unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return .failure(.unreadable(Self.reason())) }
      if count == 0 { return .success(bytes) }
      bytes.append(contentsOf: chunk[..<count])
      // The file may have grown since it was measured.
      guard bytes.count <= ConfigLimits.maxFileBytes else { return .failure(.tooLarge) }
    }
  }

  func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }
  func target(of path: String) -> String { Files.resolved(path) }

  func names(in directory: String) -> [String] {
    guard let stream = unsafe opendir(directory) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while names.count < ConfigLimits.maxDirectoryEntries, let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  private static func reason() -> String { unsafe String(cString: strerror(errno)) }
}

/// The real file system, with one file that is not written yet.
struct EditedFiles: ConfigFiles {
  let disk: DiskFiles
  let path: String
  let bytes: [UInt8]

  func read(_ path: String) -> Result<[UInt8], ConfigFileFailure> {
    guard path == self.path else { return disk.read(path) }
    return bytes.count <= ConfigLimits.maxFileBytes ? .success(bytes) : .failure(.tooLarge)
  }

  func exists(_ path: String) -> Bool { path == self.path || disk.exists(path) }
  func target(of path: String) -> String { disk.target(of: path) }
  func first(_ count: Int, of path: String) -> Result<[UInt8], ConfigFileFailure> { disk.first(count, of: path) }
  func names(in directory: String) -> [String] { disk.names(in: directory) }
}
