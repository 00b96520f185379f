// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
internal import Glibc
package import NexusCore

/// Starts processes below a guard process, which outlives the node just long enough to kill all of them.
///
/// The guard is started by the first launch, or by `start()`. Should it die, its agents are killed, their ends are
/// reported, and the next launch starts another one.
package final class GuardedLauncher: ProcessLauncher {
  package struct Limits: Sendable {
    /// How long output is still read after the end of a process whose pipe someone else keeps open.
    package var drainAfterExit: Duration = .milliseconds(200)
    /// How much is read at once from one stream, and so what a receiver gets at most in one call.
    package var readChunkBytes = 64 * 1024
    /// Standard input that is longer is refused: it is kept in memory until the process has ended.
    package var standardInputBytes = 256 * 1024 * 1024

    /// How long the node tries to end what a guard that was killed left; as long as the guard and the warden do.
    package var leftoverPatience: Duration = .seconds(10)

    package init() {}
  }

  /// What the guard may use of the kernel; for tests, all but the default play a kernel that has less.
  package struct Abilities: Sendable {
    /// The guard is told its children, else it finds them in `/proc`.
    package var listsChildren = true
    /// Control groups of the unified hierarchy.
    package var unifiedGroups = true
    /// Control groups of any hierarchy.
    package var groups = true
    /// A process that ends what the guard leaves when it is killed together with its node.
    package var warden = true

    package init() {}

    var options: UInt32 {
      var options: UInt32 = 0
      if !listsChildren { options |= UInt32(NAOS_GUARD_SCANS) }
      if !unifiedGroups { options |= UInt32(NAOS_GUARD_WITHOUT_UNIFIED) }
      if !groups { options |= UInt32(NAOS_GUARD_WITHOUT_GROUPS) }
      if !warden { options |= UInt32(NAOS_GUARD_WITHOUT_WARDEN) }
      return options
    }
  }

  /// What a launch opens beside the doors of a sandbox.
  private static let files = 8

  private let limits: Limits
  private let bridge: GuardBridge
  private let doors: (any DoorKeeper)?
  private let lifetime: BridgeLifetime

  /// Makes a launcher that has not started anything yet; without `doors`, which serves those of sandboxes, they lead
  /// nowhere.
  package init(
    clock: any NexusClock = SystemClock(), random: any RandomSource = SystemRandom(), limits: Limits = Limits(),
    abilities: Abilities = Abilities(), doors: (any DoorKeeper)? = nil
  ) {
    self.doors = doors
    self.limits = limits
    bridge = GuardBridge(clock: clock, random: random, limits: limits, abilities: abilities)
    lifetime = BridgeLifetime(bridge)
  }

  /// Starts the guard now, so that the first launch need not wait for it and a failure shows early.
  package func start() throws(LaunchError) {
    if let error = bridge.startGuard() { throw error }
  }

  /// The guard that serves new launches, if one runs.
  package var guardPID: Int32? { bridge.guardPID }

  package func launch(
    _ request: LaunchRequest, output: any OutputReceiver
  ) async throws(LaunchError) -> any LaunchedProcess {
    guard request.standardInput.count <= limits.standardInputBytes else {
      throw .launcher(EFBIG, "standard input is longer than \(limits.standardInputBytes) bytes")
    }
    // Who runs modules is asked before; started as a program, its arguments would be somebody else's.
    guard request.module == nil else { throw .launcher(ENOEXEC, "a module is no program of the machine") }
    // One more process leaves the others what they need to go on.
    guard OpenFiles.allow(Self.files + (request.enclosure?.doors.count ?? 0), leaving: 2) else {
      throw .launcher(EMFILE, "the node has too many files open for one more process")
    }
    let result: Result<GuardedProcess, LaunchError> = await withCheckedContinuation { launched in
      if let error = bridge.launch(request, output: output, lifetime, launched) {
        launched.resume(returning: .failure(error))
      }
    }
    let process = try result.get()
    if let doors, let enclosure = request.enclosure, !enclosure.doors.isEmpty {
      await process.openDoors(of: enclosure, by: doors)
    }
    return process
  }

  /// Kills every process, ends the guard, and returns when all of that is confirmed.
  ///
  /// Later launches are refused. A launcher that nobody holds any more ends its guard by itself once its processes have
  /// ended.
  package func shutDown() async {
    await withCheckedContinuation { closed in bridge.close(closed) }
  }
}

/// Ends the bridge when neither the launcher nor any of its processes is left.
final class BridgeLifetime: Sendable {
  private let bridge: GuardBridge
  init(_ bridge: GuardBridge) { self.bridge = bridge }
  deinit { bridge.close(nil) }
}
