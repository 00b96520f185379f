// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Part of the launcher bridge: see `GuardBridge.swift`.

internal import NexusCore

/// One launch, from its request to its end.
///
/// Built by the caller; from then on the bridge's thread alone touches it.
final class Spawn: @unchecked Sendable {
  let id: UInt64
  let generation: UInt64
  let lifetime: BridgeLifetime
  let output: any OutputReceiver
  let command: String
  let workingDirectory: String
  let ceilings: ProcessCeilings
  var launched: CheckedContinuation<Result<GuardedProcess, LaunchError>, Never>?
  var pipes: [OutputStream: Descriptor]
  var process: GuardedProcess?
  var pidfd: Descriptor?
  /// The end as reported, while output is still being drained.
  var exit: ProcessExit?
  var drainDeadline: Instant?
  /// Processes of it that no signal of ours ends.
  var leftBehind = 0

  init(
    id: UInt64, generation: UInt64, lifetime: BridgeLifetime, output: any OutputReceiver, request: LaunchRequest,
    files: LaunchFiles,
    launched: CheckedContinuation<Result<GuardedProcess, LaunchError>, Never>
  ) {
    self.id = id
    self.generation = generation
    self.lifetime = lifetime
    self.output = output
    command = request.arguments.first ?? ""
    workingDirectory = request.workingDirectory
    ceilings = request.ceilings
    pipes = [.standardOutput: files.outputReadEnd, .standardError: files.errorReadEnd]
    self.launched = launched
  }
  /// For whoever reads the agent's log: another user's processes, or some that are stuck in the kernel.
  var leftBehindNotice: String { "naos: \(leftBehind) processes that this agent started could not be ended\n" }
}
