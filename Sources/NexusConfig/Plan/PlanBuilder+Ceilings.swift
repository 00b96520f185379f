// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  /// Less is a typing error, such as a forgotten unit: no program starts in it.
  private static let leastMemory: Int64 = 4 << 20

  mutating func buildCeilings(of spec: inout AgentSpec, _ limits: Fields) {
    if let memory = limits.value("memory"), case .size(let bytes) = memory.content {
      if bytes < Self.leastMemory {
        report(
          Diagnostic(
            "NX-CFG-111", "no program runs in \(bytes) bytes of memory", at: memory.location, label: "of `memory`",
            help: "write at least 4MiB, with its unit"))
      }
      spec.ceilings.memoryBytes = bytes
    }
    switch limits.value("cpu")?.content {
    case .factor(let cores): spec.ceilings.milliCores = cores.scaled(byPowerOfTen: 3).map(Int.init(clamping:))
    case .duration(let time):
      if time == .zero, let location = limits.value("cpu")?.location {
        report(
          Diagnostic(
            "NX-CFG-106", "no program runs without processor time", at: location, label: "of `cpu`",
            help: "write 10s for a time, or 0.5 for a share"))
      }
      // Whole milliseconds, so that the canonical form never is a bare number, which would be cores.
      spec.ceilings.cpuTime = .milliseconds((time.wholeNanoseconds + 999_999) / 1_000_000)
    default: break
    }
    spec.ceilings.processes = limits.integer("pids")
  }
}
