// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

/// How many files this process may still open.
///
/// Some of what it is built from ends it where none is left, so nobody may take the last ones.
package enum OpenFiles {
  /// What is left to all who do not ask before they open one.
  package static func reserve(of limit: Int = ProcessHardening.fileLimit) -> Int { min(256, limit / 8) }

  /// Whether `count` more can be opened, with so many times the reserve left behind them.
  package static func allow(
    _ count: Int, leaving reserves: Int = 1, of limit: Int = ProcessHardening.fileLimit
  ) -> Bool {
    let most = limit - reserves * reserve(of: limit)
    var held: [Int32] = []
    defer { for number in held { Glibc.close(number) } }
    for _ in 0..<count {
      // The lowest number that is free: below it there are as many files as it says.
      let number = fcntl(0, F_DUPFD_CLOEXEC, 0)
      if number < 0 { return errno == EBADF }
      held.append(number)
      if Int(number) >= most { return false }
    }
    return true
  }
}
