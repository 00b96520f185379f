// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusGates
import Testing

/// The figures of `docs/reference/conformance.md`, made anew.
struct ConformanceTests {
  /// How many tests each tier of the suite at commit 44401e0 has.
  private func expectAll(_ draft: SchemaDraft, _ tests: [ConformanceSuite.Tier: Int]) throws {
    guard let suite = ConformanceSuite(draft) else {
      try Test.cancel("the test suite of \(draft) is not beside the repository")
    }
    for (tier, count) in tests {
      let report = suite.run(tier)
      for failure in report.failures { Issue.record("\(failure)") }
      for skip in report.skipped { Issue.record("not run: \(skip)", severity: .warning) }
      #expect(report.total == count, "\(tier)")
      #expect(report.passed + report.skipped.count == report.total, "\(report)")
    }
  }

  @Test func `the public suite of 2020-12 passes`() throws {
    try expectAll(.draft2020, [.required: 1_299, .optional: 162, .format: 764])
  }

  @Test func `the public suite of 2019-09 passes`() throws {
    try expectAll(.draft2019, [.required: 1_259, .optional: 158, .format: 757])
  }

  @Test func `the public suite of draft-07 passes`() throws {
    try expectAll(.draft7, [.required: 927, .optional: 118, .format: 676])
  }
}
