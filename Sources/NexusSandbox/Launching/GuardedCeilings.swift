// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
package import NexusCore

extension GuardedLauncher {
  /// By what means agents are held together and ceilings would be in force, if they were launched by this process.
  ///
  /// Nil for what cannot be done here: a launch that asks for such a ceiling is refused.
  package static func probeContainment() -> Containment { Containment(naos_probe_means()) }
}

extension Containment {
  init(_ means: naos_means) {
    self.init(
      group: ContainmentMeans(means.group), memory: ContainmentMeans(means.memory), cpu: ContainmentMeans(means.cpu),
      processes: ContainmentMeans(means.processes))
  }
}

extension ContainmentMeans {
  fileprivate init?(_ means: UInt8) {
    switch Int(means) {
    case Int(NAOS_MEANS_CGROUP2): self = .cgroup2
    case Int(NAOS_MEANS_CGROUP1): self = .cgroup1
    case Int(NAOS_MEANS_RLIMIT): self = .rlimit
    default: return nil
    }
  }
}

extension ProcessCeilings.Resource {
  init?(_ ceiling: UInt32) {
    switch Int(ceiling) {
    case Int(NAOS_CEILING_MEMORY): self = .memory
    case Int(NAOS_CEILING_CPU): self = .cpu
    case Int(NAOS_CEILING_PROCESSES): self = .processes
    default: return nil
    }
  }
}

extension naos_ceilings {
  /// A ceiling of nothing is none to the guard, so the smallest that it is told is one.
  init(_ ceilings: ProcessCeilings) {
    self.init(
      memory_bytes: ceilings.memoryBytes.map { UInt64(max(1, $0)) } ?? 0,
      cpu_microseconds: ceilings.cpuTime.map { UInt64(max(1, $0.wholeNanoseconds / 1000)) } ?? 0,
      milli_cores: ceilings.milliCores.map { UInt32(clamping: max(1, $0)) } ?? 0,
      processes: ceilings.processes.map { UInt32(clamping: max(1, $0)) } ?? 0)
  }
}
