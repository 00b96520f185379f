// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Which path is which kind of model request.
enum ModelRoutes {
  private static let fixed: [Substring: ModelAPI] = [
    "/v1/chat/completions": .chat, "/v1/responses": .responses, "/v1/responses/input_tokens": .countResponses,
    "/v1/embeddings": .embeddings, "/v1/messages": .messages, "/v1/messages/count_tokens": .countMessages,
  ]

  /// The kind of a POST and what its path says of it; nil where there is none.
  static func find(_ path: Substring, _ uri: String) -> (ModelAPI, RequestPath)? {
    if let api = fixed[path] { return (api, .plain) }
    if let api = azure(path) { return (api, .plain) }
    return gemini(path, uri)
  }

  /// `/openai/v1/…` and `/openai/deployments/NAME/…`, whose bodies name the model too.
  private static func azure(_ path: Substring) -> ModelAPI? {
    if path.hasPrefix("/openai/v1/") { return fixed[path.dropFirst(7)] }
    let root = "/openai/deployments/"
    guard path.hasPrefix(root), let slash = path.dropFirst(root.count).firstIndex(of: "/") else { return nil }
    return fixed["/v1" + path[slash...]]
  }

  /// `/v1beta/models/NAME:generateContent` and its like.
  private static func gemini(_ path: Substring, _ uri: String) -> (ModelAPI, RequestPath)? {
    for root in ["/v1beta/models/", "/v1alpha/models/", "/v1/models/"] where path.hasPrefix(root) {
      let rest = path.dropFirst(root.count)
      guard let colon = rest.lastIndex(of: ":"), let model = model(rest[..<colon]) else { return nil }
      switch rest[rest.index(after: colon)...] {
      case "generateContent": return (.generateContent, RequestPath(model: model))
      case "streamGenerateContent":
        let isArray = query(uri, "alt") != "sse"
        return (.generateContent, RequestPath(model: model, isStream: true, isArray: isArray))
      case "countTokens": return (.countContent, RequestPath(model: model))
      default: return nil
      }
    }
    return nil
  }

  /// A model's name out of a path; nil where it could lead to another path.
  private static func model(_ text: Substring) -> String? {
    let name = text.replacing("%2F", with: "/").replacing("%2f", with: "/").replacing("%3A", with: ":")
    let isPlain = name.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
      case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "/"),
        UInt8(ascii: "@"):
        true
      default: false
      }
    }
    let pieces = name.split(separator: "/", omittingEmptySubsequences: false)
    guard isPlain, pieces.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else { return nil }
    return String(name)
  }

  /// The value of a parameter in the query of a URI.
  static func query(_ uri: String, _ name: String) -> String? {
    guard let mark = uri.utf8.firstIndex(of: UInt8(ascii: "?")) else { return nil }
    for item in uri[uri.index(after: mark)...].split(separator: "&") {
      let parts = item.split(separator: "=", maxSplits: 1)
      if parts.count == 2, parts[0] == name { return String(parts[1]) }
    }
    return nil
  }
}

/// Lists of models in the forms of the dialects.
enum ModelList {
  static func entry(_ name: String, _ dialect: Dialect) -> JSONValue {
    switch dialect {
    case .openai: ["id": .string(name), "object": "model", "created": 0, "owned_by": "naos"]
    case .anthropic:
      ["type": "model", "id": .string(name), "display_name": .string(name), "created_at": "1970-01-01T00:00:00Z"]
    case .gemini:
      [
        "name": .string("models/\(name)"), "displayName": .string(name),
        "supportedGenerationMethods": ["generateContent", "countTokens"],
      ]
    }
  }

  static func all(_ names: [String], _ dialect: Dialect) -> JSONValue {
    let entries = JSONValue.array(names.map { entry($0, dialect) })
    switch dialect {
    case .openai: return ["object": "list", "data": entries]
    case .anthropic:
      return [
        "data": entries, "has_more": false, "first_id": names.first.map(JSONValue.string) ?? .null,
        "last_id": names.last.map(JSONValue.string) ?? .null,
      ]
    case .gemini: return ["models": entries]
    }
  }
}
