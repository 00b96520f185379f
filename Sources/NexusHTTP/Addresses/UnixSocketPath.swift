// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

/// Gives a unix socket a path that fits the kernel's 107 bytes, however deep its folder lies.
package enum UnixSocketPath {
  /// The longest path that `sockaddr_un` holds.
  package static let kernelLimit = 107
  /// `O_PATH`, which the C headers hide behind `_GNU_SOURCE`.
  private static let pathOnly: Int32 = 0o10_000_000

  /// Calls `body` with a path to bind or connect to, which is good until `body` returns.
  ///
  /// A path that is too long is reached through the open descriptor of its folder, which must exist. A server should
  /// stay inside `body` until it is closed, because closing removes the socket's file by the same path.
  package static func withShortPath<Result>(
    _ path: String, _ body: (String) async throws -> Result
  ) async throws -> Result {
    guard path.utf8.count > kernelLimit else { return try await body(path) }
    let slash = path.lastIndex(of: "/")
    let parent = slash.map { String(path[...$0]) } ?? "."
    let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
    let folder = unsafe open(parent, pathOnly | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw HTTPClientError(.refused, "\(path): \(unsafe String(cString: strerror(errno)))") }
    defer { close(folder) }
    return try await body("/proc/self/fd/\(folder)/\(name)")
  }
}
