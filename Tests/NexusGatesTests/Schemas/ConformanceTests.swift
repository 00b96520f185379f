// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusGates
import Testing

/// The figures of `docs/reference/conformance.md`, made anew.
struct ConformanceTests {
  private func expectAll(_ draft: SchemaDraft) throws {
    let suites = ConformanceSuite.all(draft)
    if suites.isEmpty {
      try Test.cancel("no test suite of \(draft) is there: scripts/schema-suite.sh fetches one")
    }
    for suite in suites {
      for (tier, count) in suite.edition.counts[draft] ?? [:] {
        let report = suite.run(tier)
        for failure in report.failures { Issue.record("\(suite.edition.name): \(failure)") }
        for skip in report.skipped { Issue.record("not run: \(skip)", severity: .warning) }
        #expect(report.total == count, "\(suite.edition.name), \(tier)")
        #expect(report.passed + report.skipped.count == report.total, "\(report)")
        print("JSON Schema, \(draft), \(suite.edition.name), \(tier): \(report)")
      }
    }
  }

  @Test func `the public suite of 2020-12 passes`() throws { try expectAll(.draft2020) }

  @Test func `the public suite of 2019-09 passes`() throws { try expectAll(.draft2019) }

  @Test func `the public suite of draft-07 passes`() throws { try expectAll(.draft7) }
}
