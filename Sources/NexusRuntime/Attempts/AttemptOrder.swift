// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// One step of one run.
struct StepAddress: Sendable, Hashable {
  let run: RunID
  let step: StepPath
}

extension AttemptRunner {
  /// One attempt that is to be made, with everything that its process is given; many hold on to it.
  package final class Order: Sendable {
    let agent: PinnedAgent
    let run: RunID
    let step: StepPath
    let attempt: AttemptNumber
    let rewind: Int
    let input: JSONValue
    /// What the effects of the attempt are known by outside, the same for every attempt of the step.
    let idempotencyKey: String
    let isCompensation: Bool
    /// What validators said of the output before; nil if there is nothing to say.
    let feedback: JSONValue?
    private let payers: [Caller.Payer]
    private let flows: [Caller.FlowPart]
    /// Its model calls are answered from what the run began with, or not at all.
    let isRecorded: Bool

    /// What a machine ordered.
    ///
    /// - Parameters:
    ///   - order: the attempt.
    ///   - agent: whose process it is.
    ///   - run: the run that wants it.
    ///   - input: the run's own, for a step that has none.
    ///   - payers: in whose budgets of each run it counts, beside its own.
    ///   - flows: the flows and steps that it belongs to.
    ///   - isRecorded: all model calls of the run are on a cassette.
    package init(
      _ order: StepOrder, agent: PinnedAgent, run: RunID, input: JSONValue, payers: [Caller.Payer] = [],
      flows: [Caller.FlowPart] = [], isRecorded: Bool = false
    ) {
      self.isRecorded = isRecorded
      self.agent = agent
      self.run = run
      self.payers = payers
      self.flows = flows
      step = order.step
      attempt = order.attempt
      rewind = order.rewind
      self.input = order.input ?? input
      isCompensation = order.isCompensation
      feedback = order.feedback
      idempotencyKey = order.idempotencyKey ?? "\(run.text)/\(order.step.text)"
    }

    var spec: AgentSpec { agent.spec }

    var caller: Caller {
      Caller(
        agent: agent.name, run: run, step: step, attempt: attempt, isCompensating: isCompensation, payers: payers,
        flows: flows, isRecorded: isRecorded)
    }

    /// Where the attempt's files lie, below the folder of all runs: `run_…/2`, or `run_…/draft~5B0~5D/2`.
    var directory: String { isWholeRun ? "\(run.text)/\(attempt)" : "\(run.text)/\(step.fileName)/\(attempt)" }

    /// What a service knows the attempt by.
    var taskName: String {
      let number = String(attempt.value)
      return isWholeRun ? .linked(run.text, ".", number) : .linked(run.text, ".", step.fileName, ".", number)
    }

    private var isWholeRun: Bool { step == .main }
  }
}

extension StepPath {
  /// The longest name that is made of a path; file systems allow 255 bytes.
  static let maxFileName = 200

  /// The path as the name of a folder, and as a part of a URL: what is neither letter, digit, `-`, `_` nor an inner `.`
  /// is written as `~` and two hexadecimal digits.
  ///
  /// Two paths have two names: one that would be too long ends in a digest of the whole (FNV-1a, 64 bits).
  var fileName: String {
    if text.utf8.count <= Self.maxFileName, text.utf8.allSatisfy(Self.isPlain) { return text }
    var name = ""
    for (index, byte) in text.utf8.enumerated() {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        name.unicodeScalars.append(Unicode.Scalar(byte))
      case UInt8(ascii: ".") where index > 0: name += "."
      default: name += "~" + Self.hexadecimal(UInt64(byte), digits: 2)
      }
    }
    guard name.utf8.count > Self.maxFileName else { return name }
    var digest: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { digest = (digest ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return name.prefix(Self.maxFileName - 17) + "~" + Self.hexadecimal(digest, digits: 16)
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func hexadecimal(_ number: UInt64, digits: Int) -> String {
    let text = String(number, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
