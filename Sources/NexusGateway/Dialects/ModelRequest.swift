// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// What the gateway reads of a model request; the rest passes through unread.
package struct ModelRequest: Sendable, Hashable {
  package let api: ModelAPI
  /// As the agent wrote it.
  package let model: String
  package let isStream: Bool
  /// The stream is to be one JSON array, element by element, and no stream of events.
  package let isArray: Bool
  package let bodyBytes: Int
  /// Whether the agent itself asked for the usage at the end of a stream.
  package let wantsUsage: Bool
  package let facts: RequestFacts

  /// Where things stand in the body, for the rewriting.
  let places: Places

  struct Places: Sendable, Hashable {
    /// Nil where the path names the model.
    var model: Range<Int>?
    var objectStart = 0
    var isEmptyObject = true
    var cap: CapPlace?
    var streamOptions: Range<Int>?
  }

  /// Where an output cap goes: what it replaces, and what stands around it.
  struct CapPlace: Sendable, Hashable {
    var range: Range<Int>
    var before = ""
    var after = ""
  }

  package var dialect: Dialect { api.dialect }
  /// The cap on output tokens that the body states; nil for none.
  package var maxOutput: Int64? { facts.outputCap }
}

/// What the path of a request says, where the body does not.
package struct RequestPath: Sendable, Hashable {
  package var model: String?
  package var isStream: Bool
  package var isArray: Bool

  package init(model: String? = nil, isStream: Bool = false, isArray: Bool = false) {
    self.model = model
    self.isStream = isStream
    self.isArray = isArray
  }

  package static let plain = RequestPath()
}

extension ModelRequest {
  /// The most tokens of thought that a request may ask for; no model comes near.
  static let maxThinkingBudget: Int64 = 1 << 32
  /// How often hosted tools may be used in one request.
  static let toolUses: ClosedRange<Int64> = 0...10_000
  /// How many values a body may have, at any depth: more than any prompt, and than the tokens of any embedding.
  package static let mostValues = 1 << 19
  /// How many answers may be asked for.
  static let answers: ClosedRange<Int64> = 1...128

  /// Reads a body of that API.
  package static func read(_ api: ModelAPI, _ bytes: Span<UInt8>, path: RequestPath = .plain) throws(GatewayError)
    -> ModelRequest
  {
    let members: [ScannedMember]
    let isASCII: Bool
    do {
      (members, isASCII) = try JSONScan.whole(bytes, mostValues: mostValues)
    } catch {
      throw GatewayError(
        .malformedRequest, "The body is not the JSON object expected: \(error.message) at byte \(error.offset).")
    }
    guard isASCII || (try? UTF8Span(validating: bytes)) != nil else {
      throw GatewayError(.malformedRequest, "The body is not valid UTF-8.")
    }
    var reader = RequestReader(api: api, path: path)
    for member in members { try reader.take(member, bytes) }
    return try reader.finish(bytes)
  }
}
