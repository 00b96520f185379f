// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
internal import Glibc
internal import NexusCore
internal import Synchronization

/// The shared library that compiles and runs modules: one version, byte for byte.
///
/// It is opened by workers only, and only after this has looked at it.
package final class WasmLibrary: Sendable {
  package static let fileName = "libwasmtime.so"
  package static let version = "50.0.1"
  /// Of the one library that is opened; `scripts/wasmtime.sh` fetches that one.
  package static let digest = "3127ca42fe7cdd3f0a43a358e79177dcfedd46c1746329826403b9d854de6178"
  static let largestBytes = 64 << 20

  /// Where it may be, in this order.
  package let places: [String]
  private let known = Mutex<Known?>(nil)

  /// A library that was found to be the right one, as long as its file stays the same.
  private struct Known {
    var path: String
    var identity: FileIdentity
  }

  /// - Parameters:
  ///   - executable: the program that runs; the library is beside it, or in the folder of a build.
  ///   - stated: a place that somebody says; then it is nowhere else.
  package init(executable: String, stated: String? = nil) {
    let folder = FileIdentity.real(executable).map(\.folder) ?? executable.folder
    places = stated.map { [$0] } ?? [folder + "/" + Self.fileName, folder + "/../../wasmtime/" + Self.fileName]
  }

  /// What the environment says of its place: `NAOS_WASMTIME`.
  package static var stated: String? {
    guard let value = unsafe getenv("NAOS_WASMTIME"), unsafe value.pointee != 0 else { return nil }
    return unsafe String(cString: value)
  }

  /// The path of the library, which leads over no links.
  package func verified() throws(WasmProblem) -> String {
    guard let path = places.lazy.compactMap(FileIdentity.real).first else { throw .noLibrary(places) }
    guard let identity = FileIdentity(path) else { throw .noLibrary(places) }
    let isKnown = known.withLock { $0?.path == path && $0?.identity == identity }
    if isKnown { return path }
    guard let bytes = try? Files.read(path, limit: Self.largestBytes), bytes.sha256 == Self.digest else {
      throw .otherLibrary(path)
    }
    known.withLock { $0 = Known(path: path, identity: identity) }
    return path
  }
}

/// By what a file is known not to have changed.
struct FileIdentity: Sendable, Hashable {
  let device: UInt
  let inode: UInt
  let size: Int
  let seconds: Int
  let nanoseconds: Int

  init?(_ path: String) {
    var facts = stat()
    guard unsafe stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
    device = UInt(facts.st_dev)
    inode = UInt(facts.st_ino)
    size = Int(facts.st_size)
    seconds = facts.st_mtim.tv_sec
    nanoseconds = facts.st_mtim.tv_nsec
  }

  static func real(_ path: String) -> String? {
    guard let found = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(found) }
    return unsafe String(cString: found)
  }
}

extension String {
  var folder: String { lastIndex(of: "/").map { String(self[..<$0]) } ?? "." }
}

extension [UInt8] {
  var sha256: String { SHA256.hash(data: self).hexadecimal }
}

extension Sequence<UInt8> {
  var hexadecimal: String {
    let digits = Array("0123456789abcdef")
    return String(flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}
