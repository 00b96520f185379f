// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a scripted model does next, for the gateway to act out.
package struct ScriptedReply: Sendable, Hashable {
  package enum Act: Sendable, Hashable {
    case respond(LocalModelReply)
    /// Take the request and never answer.
    case hang
    /// Send the beginning of the reply's bytes, then break the connection.
    case cut(LocalModelReply, afterBytes: Int)
  }

  /// How long to wait before anything else.
  package var delay: Duration
  /// How long to rest between two pieces of an answer that is streamed.
  package var pause = Duration.zero
  package var act: Act
}

/// `local/scripted`: plays a list of answers and faults, for tests and for trying out what goes wrong.
///
/// The first rule that fits a request answers it. A rule with `times` is used up after so many requests. The machine is
/// pure: time passes and connections break in the gateway.
package struct ScriptedModel: Sendable {
  package static let name = "local/scripted"
  /// The most rules of a script.
  package static let maxRules = 1000

  private enum Rule: Sendable {
    case made(ScriptedRule)
    /// Answers once.
    case recorded(CassetteCall)

    var times: Int? {
      switch self {
      case .made(let rule): rule.times
      case .recorded: 1
      }
    }
  }

  private let rules: [Rule]
  private var used: [Int]

  /// Reads a script: a list of rules, or an object with the list in `rules`.
  package init(script: JSONValue) throws(ScriptError) {
    guard let list = script.arrayValue ?? script["rules"]?.arrayValue else {
      throw ScriptError("a script is a list of rules")
    }
    guard list.count <= Self.maxRules else { throw ScriptError("a script has at most \(Self.maxRules) rules") }
    var rules: [Rule] = []
    for (index, item) in list.enumerated() {
      if let object = item.objectValue, object[CassetteCall.key] != nil {
        rules.append(.recorded(try CassetteCall(object, number: index + 1)))
      } else {
        rules.append(.made(try ScriptedRule(item, number: index + 1)))
      }
    }
    self.rules = rules
    used = Array(repeating: 0, count: rules.count)
  }

  /// The reply to a request body; `call` is the number of the request among all that this script has got, from 1.
  ///
  /// `asked` is the body as the agent sent it, if something was changed in it since: recorded calls are known by that.
  package mutating func next(
    _ body: JSONValue, dialect: LocalDialect, _ target: LocalDialect.Target = LocalDialect.Target(), call: Int,
    asked: JSONValue? = nil
  ) -> ScriptedReply {
    var request: LocalChatRequest?
    var problem: String?
    do throws(LocalRequestError) { request = try dialect.chatRequest(body, target) } catch { problem = error.message }
    var difference: String?
    for index in rules.indices where used[index] < rules[index].times ?? .max {
      switch rules[index] {
      case .recorded(let recorded):
        let differs = recorded.difference(from: asked ?? body, dialect, target)
        difference = difference ?? differs
        guard differs == nil else { continue }
        used[index] += 1
        return Self.immediate(recorded.reply)
      case .made(let rule):
        guard let request, rule.fits(request, call: call) else { continue }
        used[index] += 1
        return rule.reply(to: request, body: body, dialect: dialect, target, call: call)
      }
    }
    let nothing =
      difference.map { "the request is not on the cassette: \($0) (NX-GWY-054)" }
      ?? "no rule of the script fits request \(call)"
    let message = difference == nil ? problem ?? nothing : nothing
    return Self.immediate(
      dialect.failure(
        status: 400, type: "invalid_request_error", message: message,
        headers: difference == nil ? [] : [.init("x-should-retry", "false")]))
  }

  private static func immediate(_ reply: LocalModelReply) -> ScriptedReply {
    ScriptedReply(delay: .zero, act: .respond(reply))
  }
}

/// Why a script cannot be played.
package struct ScriptError: Error, Sendable, Hashable, CustomStringConvertible {
  package let message: String
  init(_ message: String) { self.message = message }
  package var description: String { message }
}
