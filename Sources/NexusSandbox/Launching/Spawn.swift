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
  let output: any OutputReceiver
  let command: String
  let workingDirectory: String
  var launched: CheckedContinuation<Result<GuardedProcess, LaunchError>, Never>?
  var pipes: [OutputStream: Descriptor]
  var process: GuardedProcess?
  var pidfd: Descriptor?
  /// The end as reported, while output is still being drained.
  var exit: ProcessExit?
  var drainDeadline: Instant?

  init(
    id: UInt64, generation: UInt64, output: any OutputReceiver, request: LaunchRequest, files: LaunchFiles,
    launched: CheckedContinuation<Result<GuardedProcess, LaunchError>, Never>
  ) {
    self.id = id
    self.generation = generation
    self.output = output
    command = request.arguments.first ?? ""
    workingDirectory = request.workingDirectory
    pipes = [.standardOutput: files.outputReadEnd, .standardError: files.errorReadEnd]
    self.launched = launched
  }
}
