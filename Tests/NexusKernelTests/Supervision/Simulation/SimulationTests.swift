// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Testing

@Suite struct SupervisionSimulationTests {
  private static let steps = 60
  private static let seedsEach = 500

  /// 10,000 trees, in portions that run side by side.
  @Test(arguments: 0..<20) func `no schedule of crashes breaks a rule of supervision`(portion: Int) {
    let first = UInt64(portion * Self.seedsEach)
    for seed in first..<first + UInt64(Self.seedsEach) {
      var simulation = Simulation(seed: seed)
      guard !simulation.run(steps: Self.steps).isEmpty else { continue }
      Issue.record("seed \(seed): \(Self.shortest(seed))")
      return
    }
  }

  /// The shortest schedule of a seed that breaks a rule, to be read.
  private static func shortest(_ seed: UInt64) -> String {
    for steps in 0...steps {
      var simulation = Simulation(seed: seed, traces: true)
      let broken = simulation.run(steps: steps)
      guard !broken.isEmpty else { continue }
      let trace = (simulation.trace ?? []).joined(separator: "\n")
      return "\(steps) steps: \(broken.joined(separator: "; "))\n\(trace)"
    }
    return "not to be repeated"
  }
}
