// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusSandbox
import Testing

struct OpenFilesTests {
  @Test func `there is room for a few files, and none beyond the limit or in the reserve`() {
    #expect(OpenFiles.allow(10))
    // Three are open in every process.
    #expect(!OpenFiles.allow(1, of: 3))
    #expect(!OpenFiles.allow(1, leaving: 8, of: 64))
    #expect(!OpenFiles.allow(5000, of: 4096))
  }

  @Test func `what is left to others is a part of the limit`() {
    for (limit, expected) in [(1024, 128), (64, 8), (1 << 20, 256)] {
      #expect(OpenFiles.reserve(of: limit) == expected)
    }
  }
}
