// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// What a service says of a task that it could not do: `{message, code, retryable, retryAfter, applied}`, all optional.
enum ReportedFailure {
  /// How much of the message is kept, in scalars.
  static let maxMessage = 4_096
  /// The longest code of an agent's own; another one is not taken.
  static let maxCode = 64
  /// The longest that an agent may ask to be left alone.
  static let longestWait = Duration.seconds(86_400)

  static func error(in body: JSONValue) -> RunError {
    let message = body["message"]?.stringValue ?? body["error"]?.stringValue ?? "the service reported a failure"
    return RunError(
      code: code(in: body) ?? "NX-AGT-008", message: AgentCallRouter.cut(message, maxMessage),
      isRetryable: body["retryable"]?.boolValue ?? true, retryAfter: wait(in: body),
      wasApplied: body["applied"]?.boolValue)
  }

  /// A word of the agent's own, by which its step may tell errors apart; the codes of naos are not its to give.
  private static func code(in body: JSONValue) -> String? {
    guard let code = body["code"]?.stringValue, !code.isEmpty, code.utf8.count <= maxCode,
      code.utf8.allSatisfy(isCodeByte), !code.uppercased().hasPrefix("NX-")
    else { return nil }
    return code
  }

  private static func isCodeByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// A number of seconds, or a duration as users write it.
  private static func wait(in body: JSONValue) -> Duration? {
    let wait: Duration?
    switch body["retryAfter"] {
    case .int(let seconds): wait = .seconds(max(0, min(seconds, longestWait.components.seconds)))
    case .double(let seconds):
      wait = seconds.isFinite && seconds > 0 ? .seconds(min(seconds, Double(longestWait.components.seconds))) : nil
    case .string(let text): wait = DurationText.parse(text)
    default: wait = nil
    }
    return wait.map { min($0, longestWait) }
  }
}
