// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

/// Gives a unix socket a path that fits the kernel's 107 bytes, however deep its folder lies.
package struct UnixSocketPath: ~Copyable {
  /// The longest path that `sockaddr_un` holds.
  package static let kernelLimit = 107

  /// What to bind or connect to, as long as this value lives.
  package let short: String
  private let folder: Int32
  /// `O_PATH`, which the C headers hide behind `_GNU_SOURCE`.
  private static let pathOnly: Int32 = 0o10_000_000

  /// Opens the socket's folder if the path is too long; the folder must exist then.
  package init(_ path: String) throws(HTTPClientError) {
    guard path.utf8.count > Self.kernelLimit else {
      short = path
      folder = -1
      return
    }
    let slash = path.lastIndex(of: "/")
    let parent = slash.map { String(path[...$0]) } ?? "."
    let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
    let descriptor = unsafe open(parent, Self.pathOnly | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw HTTPClientError(.refused, "\(path): \(unsafe String(cString: strerror(errno)))")
    }
    folder = descriptor
    short = "/proc/self/fd/\(descriptor)/\(name)"
  }

  deinit {
    if folder >= 0 { close(folder) }
  }
}
