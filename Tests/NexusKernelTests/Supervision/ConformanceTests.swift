// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusKernel
import NexusSupervisionKit
import Testing

@Suite struct SupervisionConformanceTests {
  @Test(arguments: SupervisionCases.all) func `a case of OTP's own suite comes out as it does there`(
    case each: SupervisionCase
  ) async {
    let complaints = await each.run(in: SimulatedWorld())
    #expect(complaints.isEmpty, "\(each.name), which shows that \(each.shows):\n\(complaints.joined(separator: "\n"))")
  }

  @Test func `no two cases have the same name`() {
    let names = SupervisionCases.all.map(\.name)
    #expect(Set(names).count == names.count)
  }
}
