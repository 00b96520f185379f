// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusAPI
internal import NexusCore
internal import NexusGateway
internal import NexusKernel
internal import NexusSandbox
internal import NexusWasm

/// What `naos doctor` looks at: whether this machine and this node can keep what naos promises.
enum DoctorChecks {
  static func machine(for project: String) -> [DoctorFinding] {
    [
      guardAbilities(), groups(), ceilings(), folder(of: ProjectState(project: project)), disk(of: project), sandbox(),
      webAssembly(), unsandboxed(),
    ]
  }

  /// Whether there is where to keep the project's state.
  private static func folder(of state: ProjectState) -> DoctorFinding {
    let folder = Files.exists(state.directory) ? state.directory : state.project
    guard Files.isDirectory(folder) else {
      return DoctorFinding(
        "state", .problem, "\(folder) is no folder, and has to be one", hint: "Move it away: naos makes the folder.")
    }
    guard unsafe access(folder, W_OK | X_OK) == 0 else {
      return DoctorFinding(
        "state", .problem, "nothing can be written in \(folder)",
        hint: "A node keeps runs, costs and logs there: check who may write.")
    }
    return DoctorFinding("state", .ok, "kept in \(state.directory)")
  }

  /// Whether an agent's processes are found wherever they fork to.
  private static func groups() -> DoctorFinding {
    guard let means = GuardedLauncher.probeContainment().group else {
      return DoctorFinding(
        "groups", .note, "agents have no control group of their own: none can be made here",
        hint: "What forks out of its session and clears its environment can outlive a guard that is killed.")
    }
    return DoctorFinding("groups", .ok, "each agent has a control group of its own (\(means.rawValue))")
  }

  /// By what the limits of agents would be in force.
  private static func ceilings() -> DoctorFinding {
    let means = GuardedLauncher.probeContainment()
    let parts = [("memory", means.memory), ("cpu", means.cpu), ("pids", means.processes)]
    let text = parts.map { "\($0): \($1?.rawValue ?? "not enforceable")" }.joined(separator: ", ")
    if parts.allSatisfy({ $0.1 == .cgroup1 || $0.1 == .cgroup2 }) { return DoctorFinding("ceilings", .ok, text) }
    return DoctorFinding(
      "ceilings", .note, text,
      hint: "An rlimit binds each process and not the tree; what is not enforceable refuses its agents (NX-AGT-014).")
  }

  /// The guard finds its children in one read where the kernel offers that.
  private static func guardAbilities() -> DoctorFinding {
    Files.exists("/proc/self/task/\(KernelBoot.ownPID)/children")
      ? DoctorFinding("processes", .ok, "agents are started below a guard that kills all of them if the node dies")
      : DoctorFinding(
        "processes", .note, "this kernel does not list children: strays are found by walking /proc",
        hint: "A kernel with CONFIG_PROC_CHILDREN does it faster.")
  }

  /// With less no node comes up.
  private static let leastMebibytes = 4

  private static func disk(of project: String) -> DoctorFinding {
    let free = FreeSpace.bytes(at: project)
    guard let free else { return DoctorFinding("disk", .warning, "the free space cannot be read") }
    let mebibytes = free / 1_048_576
    guard mebibytes >= leastMebibytes else {
      return DoctorFinding(
        "disk", .problem, "only \(mebibytes) MiB are free: no node can start here", hint: "Free some space.")
    }
    return mebibytes < 512
      ? DoctorFinding(
        "disk", .warning, "only \(mebibytes) MiB are free", hint: "A full disk makes the node stand still.")
      : DoctorFinding("disk", .ok, "\(mebibytes) MiB are free")
  }

  /// What a sandbox is made of, part by part.
  private static func sandbox() -> DoctorFinding {
    let found = SandboxParts.probe()
    var words = found.parts.map { "\($0.name): \($0.failure ?? "yes")" }
    words.append("Landlock: \(found.landlock == 0 ? "no" : "version \(found.landlock)")")
    let text = words.joined(separator: ", ")
    guard found.isWhole else {
      return DoctorFinding(
        "sandbox parts", .note, text, hint: "Agents with `sandbox` are refused here (NX-SBX-001); see its page.")
    }
    return DoctorFinding("sandbox parts", .ok, text)
  }

  /// Whether modules can be run: the library, by its bytes.
  private static func webAssembly() -> DoctorFinding {
    let library = WasmLibrary(executable: "/proc/self/exe", stated: WasmLibrary.stated)
    do throws(WasmProblem) {
      let path = try library.verified()
      return DoctorFinding("wasm", .ok, "wasmtime \(WasmLibrary.version), \(path)")
    } catch {
      return DoctorFinding(
        "wasm", .note, error.message, hint: "Agents and skills that are modules are refused here (\(error.code)).")
    }
  }

  private static func unsandboxed() -> DoctorFinding {
    DoctorFinding(
      "sandbox", .note,
      "process agents without `sandbox` run as the node's own user: they are trusted like the operator",
      hint: "Budgets and secrets bind an agent of another user; see docs/threat-model.md.")
  }

  static func node(_ parts: NodeParts) -> [DoctorFinding] {
    var findings = [
      DoctorFinding("node", .ok, "process \(KernelBoot.ownPID), boot \(parts.boot.text)"),
      DoctorFinding("agent plane", .ok, parts.gateway.baseURL),
    ]
    findings.append(
      ProcessHardening.isDumpable
        ? DoctorFinding("memory", .problem, "other processes of this user can read the node's memory")
        : DoctorFinding("memory", .ok, "the node is not dumpable"))
    let report = parts.ledger.report()
    if report.isClockHeld {
      findings.append(
        DoctorFinding(
          "clock", .problem, "the clock jumped ahead; budget windows stand still until that is confirmed",
          hint: "Set the clock right, or say that it is: naos cost confirm-clock"))
    }
    return findings
  }
}
