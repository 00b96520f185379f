// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

/// What the calls of the API take in their bodies, for the documentation and against misspelt members.
///
/// What a member has to be is read and checked by the calls themselves.
enum RequestBodies {
  struct Member {
    let name: String
    let schema: JSONValue
    var isRequired = false

    static func needed(_ name: String, _ type: String) -> Member {
      Member(name: name, schema: ["type": .string(type)], isRequired: true)
    }
    static func optional(_ name: String, _ type: String) -> Member {
      Member(name: name, schema: ["type": [.string(type), "null"]])
    }
    static func any(_ name: String) -> Member { Member(name: name, schema: [:]) }
  }

  /// The schema of a call's body; one that is not in the table has no members.
  static func schema(of path: String) -> JSONValue {
    let members = table[path] ?? []
    var properties = JSONObject()
    for member in members { properties[member.name] = member.schema }
    return [
      "type": "object", "properties": .object(properties),
      "required": .array(members.filter(\.isRequired).map { .string($0.name) }), "additionalProperties": false,
    ]
  }

  /// Refuses a member that the call does not have: whoever misspells one would be understood to say nothing.
  ///
  /// - Throws: `OperationError` that names the member, and the one that was probably meant.
  static func check(_ body: JSONValue, of path: String) throws(OperationError) {
    let names = (table[path] ?? []).map(\.name)
    guard let unknown = body.objectValue?.keys.first(where: { !names.contains($0) }) else { return }
    let known = names.map { "`\($0)`" }.joined(separator: ", ")
    let meant = Suggestion.nearest(to: unknown, among: names).map { "Did you mean `\($0)`?" }
    var error = OperationError.misunderstood("This call has no member `\(shown(unknown))`.")
    error.hint = meant ?? (names.isEmpty ? "It takes no members at all." : "It may have \(known).")
    throw error
  }

  /// The beginning of a member's name: it may be as long as a body may be.
  private static func shown(_ name: String) -> String {
    let scalars = name.unicodeScalars
    return String(scalars.prefix(maxShown)) + (scalars.count > maxShown ? "…" : "")
  }

  private static let maxShown = 64

  private static let correction: [Member] = [
    .optional("per", "string"), .optional("costNanoUSD", "integer"), .optional("tokens", "integer"),
    .needed("reason", "string"),
  ]

  private static let table: [String: [Member]] = [
    "/login": [.needed("code", "string")],
    "/api/v1/agents/{name}/stop": [.optional("force", "boolean"), .optional("noRestart", "boolean")],
    "/api/v1/supervisors/{name}/stop": [.optional("force", "boolean")],
    "/api/v1/pools/{name}/scale": [.needed("size", "integer")],
    "/api/v1/reload": [.optional("prune", "boolean"), .optional("dryRun", "boolean")],
    "/api/v1/shutdown": [.optional("handOver", "boolean")],
    "/api/v1/runs": [
      .needed("name", "string"), .any("input"), .optional("set", "object"), .optional("idempotencyKey", "string"),
      .optional("timeoutMilliseconds", "integer"), .any("cassette"),
    ],
    "/api/v1/runs/prune": [
      .needed("olderThan", "string"), .optional("ended", "string"), .optional("dryRun", "boolean"),
    ],
    "/api/v1/runs/{id}/retry": [.optional("newKeys", "boolean")],
    "/api/v1/runs/{id}/skip": [.needed("step", "string"), .needed("reason", "string")],
    "/api/v1/runs/{id}/mark-done": [.needed("step", "string"), .any("output")],
    "/api/v1/runs/{id}/rollback": [
      .needed("checkpoint", "integer"), .optional("reason", "string"), .optional("unverified", "boolean"),
    ],
    "/api/v1/runs/{id}/resume": [.optional("accept", "string")],
    "/api/v1/runs/{id}/decide": [
      .needed("decision", "string"), .optional("step", "string"), .optional("note", "string"),
    ],
    "/api/v1/runs/{id}/signal": [.needed("name", "string"), .optional("id", "string"), .any("payload")],
    "/api/v1/runs/{id}/fork": [.optional("step", "string"), .optional("call", "integer"), .any("answer")],
    "/api/v1/approvals/{id}/approve": [.optional("digest", "string"), .optional("reason", "string")],
    "/api/v1/approvals/{id}/deny": [.optional("digest", "string"), .optional("reason", "string")],
    "/api/v1/approvals/{id}/edit": [
      Member(name: "arguments", schema: [:], isRequired: true), .optional("digest", "string"),
      .optional("reason", "string"),
    ],
    "/api/v1/tokens": [
      .needed("name", "string"), .needed("role", "string"),
      Member(name: "only", schema: ["type": "array", "items": ["type": "string"]], isRequired: false),
    ],
    "/api/v1/audit/erase": [.optional("payload", "string"), .optional("run", "string")],
    "/api/v1/costs/set": [
      .needed("scope", "string"), .optional("per", "string"), .optional("maxNanoUSD", "integer"),
      .optional("maxTokens", "integer"), .optional("maxRequests", "integer"), .optional("onLimit", "string"),
      .optional("reason", "string"),
    ],
    "/api/v1/costs/clear": [.needed("scope", "string"), .optional("per", "string")],
    "/api/v1/costs/adjust": [.needed("scope", "string")] + correction,
    "/api/v1/costs/resolve": [
      .needed("id", "string"), .needed("costNanoUSD", "integer"), .optional("tokens", "integer"),
      .optional("reason", "string"),
    ],
  ]
}
