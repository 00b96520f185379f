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

  private let rules: [ScriptedRule]
  private var used: [Int]

  /// Reads a script: a list of rules, or an object with the list in `rules`.
  package init(script: JSONValue) throws(ScriptError) {
    guard let list = script.arrayValue ?? script["rules"]?.arrayValue else {
      throw ScriptError("a script is a list of rules")
    }
    guard list.count <= Self.maxRules else { throw ScriptError("a script has at most \(Self.maxRules) rules") }
    var rules: [ScriptedRule] = []
    for (index, item) in list.enumerated() { rules.append(try ScriptedRule(item, number: index + 1)) }
    self.rules = rules
    used = Array(repeating: 0, count: rules.count)
  }

  /// The reply to a request body; `call` is the number of the request among all that this script has got, from 1.
  package mutating func next(
    _ body: JSONValue, dialect: LocalDialect, _ target: LocalDialect.Target = LocalDialect.Target(), call: Int
  ) -> ScriptedReply {
    let request: LocalChatRequest
    do throws(LocalRequestError) {
      request = try dialect.chatRequest(body, target)
    } catch {
      return Self.immediate(dialect.failure(status: 400, type: "invalid_request_error", message: error.message))
    }
    let fitting = rules.indices.first { index in
      used[index] < rules[index].times ?? .max && rules[index].fits(request, call: call)
    }
    guard let fitting else {
      return Self.immediate(
        dialect.failure(
          status: 400, type: "invalid_request_error", message: "no rule of the script fits request \(call)"))
    }
    used[fitting] += 1
    return rules[fitting].reply(to: request, body: body, dialect: dialect, target, call: call)
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
