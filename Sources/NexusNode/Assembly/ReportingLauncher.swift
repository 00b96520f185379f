// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import Synchronization

/// Starts programs as the launcher behind it does, and tells what their sandboxes did not let them do: limits that they
/// were ended over, paths that modules were refused, modules that are not run.
struct ReportingLauncher: ProcessLauncher {
  let base: any ProcessLauncher
  let watcher: any EgressWatcher

  func launch(
    _ request: LaunchRequest, output: any OutputReceiver
  ) async throws(LaunchError) -> any LaunchedProcess {
    guard let holder = request.enclosure?.holder else { return try await base.launch(request, output: output) }
    do throws(LaunchError) {
      return ReportedProcess(try await base.launch(request, output: output), of: holder, watcher)
    } catch {
      if let denied = error.denied { watcher.denied(denied.event(of: holder)) }
      throw error
    }
  }
}

/// A process whose end is told once.
private final class ReportedProcess: LaunchedProcess {
  private let base: any LaunchedProcess
  private let holder: Caller
  private let watcher: any EgressWatcher
  private let isTold = Mutex(false)

  init(_ base: any LaunchedProcess, of holder: Caller, _ watcher: any EgressWatcher) {
    self.base = base
    self.holder = holder
    self.watcher = watcher
  }

  var pid: Int32 { base.pid }
  var containment: Containment { base.containment }
  func signal(_ signal: ProcessSignal) -> Bool { base.signal(signal) }

  func waitForExit() async -> ProcessExit {
    let exit = await base.waitForExit()
    let isFirst = isTold.withLock { isTold in
      defer { isTold = true }
      return !isTold
    }
    let denied = exit.failure?.denied ?? exit.ceiling.map { ProgramDenial(.limit, $0.limit) }
    if isFirst {
      for counted in exit.denials { watcher.denied(counted.denial.event(of: holder, count: counted.count)) }
      if let denied { watcher.denied(denied.event(of: holder)) }
    }
    return exit
  }
}

extension ProcessCeilings.Resource {
  /// The key by which the configuration sets it.
  fileprivate var limit: String {
    switch self {
    case .memory: "limits.memory"
    case .cpu: "limits.cpu"
    case .processes: "limits.pids"
    }
  }
}
