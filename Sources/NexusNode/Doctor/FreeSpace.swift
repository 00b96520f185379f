// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

/// The space that is left for us on a device.
enum FreeSpace {
  static func bytes(at path: String) -> Int64? {
    var information = statvfs()
    guard unsafe statvfs(path, &information) == 0 else { return nil }
    return Int64(clamping: UInt64(information.f_bavail) * UInt64(information.f_frsize))
  }
}
