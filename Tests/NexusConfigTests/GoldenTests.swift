// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusConfig
import NexusDiagnostics
import Testing

struct GoldenTests {
  @Test func `there are cases`() {
    #expect(GoldenCase.all.count >= 60)
  }

  @Test(arguments: GoldenCase.all) func `a configuration says what its golden file says`(_ golden: GoldenCase) {
    let result = golden.load()
    let text = DiagnosticRenderer(files: result.files).render(result.diagnostics)
    #expect(text == golden.golden("expected", recording: text))
    #expect((result.plan == nil) == result.diagnostics.hasErrors)
  }

  @Test(arguments: GoldenCase.all) func `a plan is what its golden file says`(_ golden: GoldenCase) {
    let text = golden.load().plan.map(canonicalYAML) ?? ""
    #expect(text == golden.golden("plan", recording: text))
  }
}
