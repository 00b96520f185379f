// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Why the node did not do what an operator asked: one error for the terminal, the API and the exit code.
package struct OperationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of no it is; the exit code and the HTTP status follow from it.
  package enum Kind: String, Sendable, CaseIterable {
    case failed, usage, configuration, authentication, forbidden, notFound, methodNotAllowed, conflict, budget, timeout
    case tooLarge, rateLimited, unreachable, refused, halted, interrupted
  }

  package var kind: Kind
  /// For example `NX-RUN-003`; it has a page.
  package var code: String
  /// What happened, in a few words that do not depend on the case.
  package var title: String
  /// What happened here.
  package var detail: String
  /// What to do about it.
  package var hint: String?

  package init(_ kind: Kind, code: String, title: String, detail: String = "", hint: String? = nil) {
    self.kind = kind
    self.code = code
    self.title = title
    self.detail = detail
    self.hint = hint
  }

  /// The code of a run that took longer than its `--timeout`.
  package static let timeoutCode = "NX-RUN-003"

  package var description: String { detail.isEmpty ? "\(code): \(title)" : "\(code): \(title): \(detail)" }
}

extension OperationError.Kind {
  /// The one table of what a kind of error is to a shell and to a client of the API.
  private var row: (exit: CommandExit, http: Int) {
    switch self {
    case .failed: (.failed, 500)
    case .usage: (.usage, 400)
    case .configuration: (.configuration, 422)
    case .authentication: (.authentication, 401)
    case .forbidden: (.authentication, 403)
    case .notFound: (.notFound, 404)
    case .methodNotAllowed: (.usage, 405)
    case .conflict: (.conflict, 409)
    case .budget: (.budget, 402)
    case .timeout: (.timeout, 504)
    case .tooLarge: (.usage, 413)
    case .rateLimited: (.failed, 429)
    case .unreachable: (.unreachable, 503)
    case .refused: (.refused, 403)
    case .halted: (.halted, 500)
    case .interrupted: (.interrupted, 499)
    }
  }

  package var commandExit: CommandExit { row.exit }
  package var httpStatus: Int { row.http }
}

extension OperationError: WireValue {
  /// The problem document (RFC 9457) that the API answers with.
  package var json: JSONValue {
    [
      "type": .string("urn:naos:error:\(code)"), "title": .string(title), "status": .int(Int64(kind.httpStatus)),
      "detail": .string(detail), "code": .string(code), "hint": .of(hint), "kind": .string(kind.rawValue),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "problem")
    let status = try reader.optionalInteger("status")
    let named = try reader.optionalText("kind").flatMap(Kind.init(rawValue:))
    kind = named ?? Kind.allCases.first { Int64($0.httpStatus) == status } ?? .failed
    code = try reader.text("code")
    title = try reader.text("title")
    detail = try reader.optionalText("detail") ?? ""
    hint = try reader.optionalText("hint")
  }
}
