// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusSandbox
internal import Synchronization

/// Starts programs as the launcher behind it does, and tells what their sandboxes did not let them do: limits that they
/// were ended over or ran into, paths that modules were refused, modules that are not run, what the kernel refused
/// them, and sandboxes that cannot be made.
struct ReportingLauncher: ProcessLauncher {
  let base: any ProcessLauncher
  let watcher: any EgressWatcher
  /// Where paths are looked at.
  let slowWork: SlowWork

  func launch(
    _ request: LaunchRequest, output: any OutputReceiver
  ) async throws(LaunchError) -> any LaunchedProcess {
    guard let holder = request.enclosure?.holder else { return try await base.launch(request, output: output) }
    var request = request
    let desk = RefusalDesk(request, holder: holder, watcher: watcher, slowWork: slowWork)
    request.refusals = desk
    do throws(LaunchError) {
      return ReportedProcess(try await base.launch(request, output: output), of: holder, watcher, desk)
    } catch {
      let lacks = error.stage == .enclosure ? ProgramDenial(.unavailable, error.message) : nil
      if let denied = error.denied ?? lacks { watcher.denied(denied.event(of: holder)) }
      throw error
    }
  }
}

/// Tells what the kernel refused to the programs of one sandbox.
private final class RefusalDesk: RefusalReceiver {
  private let holder: Caller
  private let slowWork: SlowWork
  private let watcher: any EgressWatcher
  private let enclosure: Enclosure?
  private let workingDirectory: String
  /// Nil where it may write to no folder of the host's.
  private let startup: StartupFiles?
  /// Looked at when the process has ended; and the startup files that were told by then.
  private let missed = Mutex((paths: [Refusal](), startup: Set<String>()))

  init(_ request: LaunchRequest, holder: Caller, watcher: any EgressWatcher, slowWork: SlowWork) {
    self.holder = holder
    self.slowWork = slowWork
    self.watcher = watcher
    enclosure = request.enclosure
    workingDirectory = request.workingDirectory
    let directory = workingDirectory
    startup = enclosure.flatMap { enclosure in
      enclosure.folders.contains(where: \.isWritable)
        ? StartupFiles(enclosure, workingDirectory: directory) : nil
    }
  }

  func refused(_ refusal: Refusal) {
    let rule: DenialEvent.Rule
    switch refusal.kind {
    case .call: rule = .syscall
    case .address: rule = .net
    case .limit: rule = .limit
    case .leftRunning: rule = .processes
    case .startup: return noticed(refusal)
    case .reading, .writing, .making:
      missed.withLock { missed in
        let known = missed.paths.firstIndex { $0.kind == refusal.kind && $0.text == refusal.text }
        if let known { missed.paths[known].count += refusal.count } else { missed.paths.append(refusal) }
      }
      return
    }
    var event = ProgramDenial(rule, refusal.text).event(of: holder, count: refusal.count)
    event.port = refusal.port
    watcher.denied(event)
  }

  private func noticed(_ refusal: Refusal) {
    // What came after too many others is counted together.
    let path = refusal.text.hasPrefix("/") ? startup?.path(of: refusal.text) ?? refusal.text : refusal.text
    missed.withLock { missed in _ = missed.startup.insert(path) }
    watcher.denied(ProgramDenial(.startup, path).event(of: holder, count: refusal.count))
  }

  /// Has the paths looked at, and those told of that are only hidden, or that others will run; the end of the process does
  /// not wait for it.
  func tellPaths() {
    let missed = missed.withLock { missed in
      defer { missed = ([], []) }
      return missed
    }
    guard let enclosure, !missed.paths.isEmpty || startup != nil else { return }
    let (directory, watcher, holder, startup) = (workingDirectory, watcher, holder, startup)
    let isTaken = slowWork.add {
      if !missed.paths.isEmpty {
        let paths = MissedPaths(enclosure: enclosure, workingDirectory: directory)
        Self.tell(missed.paths, as: { paths.denial($0) }, of: holder, to: watcher)
      }
      for path in startup?.changed() ?? [] where !missed.startup.contains(path) {
        watcher.denied(ProgramDenial(.startup, path).event(of: holder))
      }
    }
    if isTaken { return }
    Self.tell(missed.paths, as: { _ in ProgramDenial(.fs, Self.unseen) }, of: holder, to: watcher)
    if startup != nil { watcher.denied(ProgramDenial(.startup, Self.unseen).event(of: holder)) }
  }

  /// The target of paths that nobody could look at.
  private static let unseen = "(others)"

  private static func tell(
    _ missed: [Refusal], as denial: (Refusal) -> ProgramDenial?, of holder: Caller, to watcher: any EgressWatcher
  ) {
    var counts: [ProgramDenial: Int] = [:]
    var order: [ProgramDenial] = []
    for refusal in missed {
      guard let denial = denial(refusal) else { continue }
      if counts[denial] == nil { order.append(denial) }
      counts[denial, default: 0] += refusal.count
    }
    for denial in order { watcher.denied(denial.event(of: holder, count: counts[denial] ?? 1)) }
  }
}

/// A process whose end is told once.
private final class ReportedProcess: LaunchedProcess {
  private let base: any LaunchedProcess
  private let holder: Caller
  private let watcher: any EgressWatcher
  private let desk: RefusalDesk
  private let isTold = Mutex(false)

  init(_ base: any LaunchedProcess, of holder: Caller, _ watcher: any EgressWatcher, _ desk: RefusalDesk) {
    self.desk = desk
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
    if isFirst { desk.tellPaths() }
    guard isFirst else { return exit }
    for counted in exit.denials { watcher.denied(counted.denial.event(of: holder, count: counted.count)) }
    let denied = exit.failure?.denied ?? exit.ceiling.map { ProgramDenial(.limit, $0.key) }
    // What was counted is told.
    if let denied, !exit.denials.contains(where: { $0.denial == denied }) { watcher.denied(denied.event(of: holder)) }
    watcher.ended(holder)
    return exit
  }
}
