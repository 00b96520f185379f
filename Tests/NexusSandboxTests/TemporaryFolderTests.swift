// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import Testing

struct TemporaryFolderTests {
  @Test func `a folder that goes takes nothing with it that its links lead to`() throws {
    let kept = try TemporaryFolder()
    let file = try kept.write("file", "kept\n", mode: 0o644)
    do {
      let gone = try TemporaryFolder()
      guard unsafe symlink(kept.path, gone.path + "/link") == 0, unsafe symlink(file, gone.path + "/file") == 0 else {
        throw TemporaryFolder.Failure(what: gone.path)
      }
    }
    let isThere = withExtendedLifetime(kept) { unsafe access(file, F_OK) == 0 }
    #expect(isThere)
  }
}
