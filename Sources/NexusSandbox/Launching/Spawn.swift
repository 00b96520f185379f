// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Part of the launcher bridge: see `GuardBridge.swift`.

internal import CGuard
internal import Glibc
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
  /// What the sandbox refuses is told there.
  private var report: Descriptor?
  private let refusals: (any RefusalReceiver)?
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
    report = files.reportReadEnd
    refusals = request.refusals
    self.launched = launched
  }

  /// How many refusals are taken in a row, before others have their turn.
  static let refusalsInARow = 64

  func watchReport(in poller: Descriptor) {
    if let report { naos_poller_add(poller.number, report.number, Token(.report, id).rawValue) }
  }

  /// Takes what was refused; at the `end` of the process all that is there, for nothing comes after.
  func readReport(in poller: Descriptor, end: Bool = false) {
    var isOver = end
    var turns = 0
    while let report, end || turns < Self.refusalsInARow {
      var news = naos_refusal()
      let outcome = unsafe naos_receive_refusal(report.number, &news)
      guard outcome == 1 else {
        if outcome != -EAGAIN, outcome != -EINTR { isOver = true }
        break
      }
      if let refusal = Refusal(news) { refusals?.refused(refusal) }
      turns += 1
    }
    guard isOver, let report else { return }
    naos_poller_remove(poller.number, report.number)
    self.report = nil
  }

  /// For whoever reads the agent's log: another user's processes, or some that are stuck in the kernel.
  var leftBehindNotice: String { "naos: \(leftBehind) processes that this agent started could not be ended" }
}

extension Refusal {
  fileprivate init?(_ news: naos_refusal) {
    let kind: Kind
    switch news.kind {
    case UInt32(NAOS_REFUSED_CALL): kind = .call
    case UInt32(NAOS_REFUSED_ADDRESS): kind = .address
    case UInt32(NAOS_REFUSED_READING): kind = .reading
    case UInt32(NAOS_REFUSED_WRITING): kind = .writing
    case UInt32(NAOS_REFUSED_MAKING): kind = .making
    case UInt32(NAOS_REFUSED_ROOM): kind = .limit
    case UInt32(NAOS_REFUSED_REST): kind = .leftRunning
    case UInt32(NAOS_NOTICED_STARTUP): kind = .startup
    default: return nil
    }
    let text = unsafe withUnsafeBytes(of: news.what) { bytes in unsafe Array(bytes.prefix { $0 != 0 }) }
    self.init(
      kind, String(decoding: text, as: UTF8.self), port: kind == .address ? Int(news.port) : nil,
      count: Int(clamping: news.count))
  }
}
