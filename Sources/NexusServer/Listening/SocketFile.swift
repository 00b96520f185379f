// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusAPI

/// The path of a unix socket to listen on, also where it is longer than the kernel's 107 bytes.
///
/// The folder is opened, and the socket is bound through `/proc/self/fd`, whose path is short.
struct SocketFile: ~Copyable {
  /// What is given to the kernel.
  let bindable: String
  private let folder: Int32

  init(_ path: String) throws(OperationError) {
    let slash = path.lastIndex(of: "/")
    let directory = slash.map { String(path[..<$0]) } ?? "."
    let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
    folder = unsafe open(directory.isEmpty ? "/" : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else {
      throw .conflicting(
        "The folder of the socket \(path) cannot be opened: \(unsafe String(cString: strerror(errno))).")
    }
    bindable = "/proc/self/fd/\(folder)/\(name)"
  }

  /// Keeps other users out of the socket itself; its folder keeps them out already.
  static func restrict(_ bindable: String) { _ = unsafe chmod(bindable, 0o600) }

  /// Takes the socket away again.
  consuming func remove() {
    _ = unsafe unlink(bindable)
    close(folder)
  }
}
