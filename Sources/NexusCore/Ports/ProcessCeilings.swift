// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What a process and everything that it starts may use at most, together.
///
/// A ceiling that cannot be enforced on the machine at hand makes the launch fail; it is never left out in silence.
package struct ProcessCeilings: Sendable, Hashable {
  /// What a ceiling bounds.
  package enum Resource: String, Sendable, CaseIterable {
    case memory
    case cpu
    case processes

    /// The key by which the configuration sets it.
    package var key: String {
      switch self {
      case .memory: "limits.memory"
      case .cpu: "limits.cpu"
      case .processes: "limits.pids"
      }
    }
  }

  /// Resident memory with its page cache, without swap.
  package var memoryBytes: Int64?
  /// Processor time in each moment, in thousandths of a core.
  package var milliCores: Int?
  /// Processor time in all.
  package var cpuTime: Duration?
  /// Processes and threads.
  package var processes: Int?

  package init(memoryBytes: Int64? = nil, milliCores: Int? = nil, cpuTime: Duration? = nil, processes: Int? = nil) {
    self.memoryBytes = memoryBytes
    self.milliCores = milliCores
    self.cpuTime = cpuTime
    self.processes = processes
  }

  package static let none = ProcessCeilings()
  package var isEmpty: Bool { self == .none }

  /// The ceiling of a resource in words: `its memory ceiling of 64 MiB`.
  package func text(of resource: Resource) -> String {
    switch resource {
    case .memory: "its memory ceiling" + (memoryBytes.map { " of \(Self.size($0))" } ?? "")
    case .processes: "its ceiling of processes" + (processes.map { ", \($0)" } ?? "")
    case .cpu:
      "its processor ceiling" + (cpuTime.map { " of \(Double($0.wholeMilliseconds) / 1000) s" } ?? "")
    }
  }

  private static func size(_ bytes: Int64) -> String {
    for (unit, power) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where bytes >= 1 << power && bytes % (1 << power) == 0
    {
      return "\(bytes >> power) \(unit)"
    }
    return "\(bytes) bytes"
  }
}

/// What holds a process tree together, or a ceiling up.
package enum ContainmentMeans: String, Sendable, CaseIterable {
  case cgroup2 = "cgroup v2"
  case cgroup1 = "cgroup v1"
  /// Of each process by itself; what a tree takes together is not bounded.
  case rlimit
}

/// By what means the ceilings of a process are in force, and what its processes are found and killed by.
///
/// Nil for a ceiling that was not asked for, and for a group that cannot be made here.
package struct Containment: Sendable, Hashable {
  package var group: ContainmentMeans?
  package var memory: ContainmentMeans?
  package var cpu: ContainmentMeans?
  package var processes: ContainmentMeans?

  package init(
    group: ContainmentMeans? = nil, memory: ContainmentMeans? = nil, cpu: ContainmentMeans? = nil,
    processes: ContainmentMeans? = nil
  ) {
    self.group = group
    self.memory = memory
    self.cpu = cpu
    self.processes = processes
  }
}

extension ProcessExit {
  /// How the process ended, in words: `killed: over its memory ceiling of 64 MiB`, `exit 1`, `signal 9`.
  package func reason(under ceilings: ProcessCeilings) -> String {
    switch (ceiling, status) {
    case (nil, _): status.description
    case (let resource?, .signalled): "killed: over \(ceilings.text(of: resource))"
    case (let resource?, .exited): "\(status), after it met \(ceilings.text(of: resource))"
    }
  }
}
