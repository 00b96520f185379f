// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

struct VerdictTests {
  @Test func `the most severe verdict is the largest`() {
    #expect(Verdict.allCases.shuffled().sorted() == [.pass, .warn, .retry, .escalate, .stop])
    #expect([Verdict.pass, .escalate, .warn].max() == .escalate)
  }
}
