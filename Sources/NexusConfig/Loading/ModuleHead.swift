// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

/// What the first bytes of a file say that is to be a WebAssembly module.
package enum ModuleHead: Sendable, Hashable {
  case module
  case component
  case missing
  case other(String)

  static let bytes = 8

  init(_ first: [UInt8]) {
    let magic: [UInt8] = [0, 0x61, 0x73, 0x6D]
    switch first {
    case magic + [1, 0, 0, 0]: self = .module
    case _ where first.count == Self.bytes && first.starts(with: magic) && first[6] == 1: self = .component
    case _ where first.starts(with: magic): self = .other("is of an unknown version of WebAssembly")
    default: self = .other("is not WebAssembly")
    }
  }

  init(_ failure: ConfigFileFailure) {
    switch failure {
    case .missing: self = .missing
    case .notRegular: self = .other("is not a regular file")
    case .tooLarge: self = .other("is too large")
    case .held: self = .other("is held by another program (`lslocks` says which)")
    case .unreadable(let reason): self = .other("cannot be read: \(reason)")
    }
  }
}

extension ConfigFiles {
  func moduleHead(_ path: String) -> ModuleHead {
    switch first(ModuleHead.bytes, of: path) {
    case .success(let bytes): ModuleHead(bytes)
    case .failure(let failure): ModuleHead(failure)
    }
  }
}

extension DiskFiles {
  func first(_ count: Int, of path: String) -> Result<[UInt8], ConfigFileFailure> {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return .failure(.ofOpening()) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return .failure(.notRegular)
    }
    var bytes = [UInt8](repeating: 0, count: count)
    let got = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
    guard got >= 0 else { return .failure(.unreadable(unsafe String(cString: strerror(errno)))) }
    return .success(Array(bytes.prefix(got)))
  }
}
