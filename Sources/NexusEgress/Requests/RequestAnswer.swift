// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import FoundationEssentials
internal import NexusCore
internal import NexusHTTP

/// What came of a request, as an agent is told, and as it is journaled.
///
/// The whole answer is at hand, so the secrets of the agent's requests are taken out of it where a host says them.
///
/// Only a whole secret is taken out: were a beginning of one at the end of what is cut, too, an agent could find a
/// secret letter by letter, with a host that says back what it is told.
struct RequestAnswer {
  /// A longer body is cut, and says so.
  private let maxBody: Int
  private let redaction: Redaction

  init(maxBody: Int, without secrets: some Sequence<SecretText>) {
    self.maxBody = maxBody
    redaction = Redaction(secrets: secrets.map(\.revealed), findsMinted: false)
  }

  /// So much of a body is read that a secret in what is told of it is whole.
  var readBytes: Int { maxBody + redaction.reach }

  func content(_ start: HTTPResponseStart, _ body: [UInt8]) -> JSONValue {
    var headers = JSONObject()
    for field in start.headers {
      let name = shown(field.name).lowercased()
      headers[name] = .string(
        [headers[name]?.stringValue, shown(field.value)].compactMap { $0 }.joined(separator: ", "))
    }
    var content: JSONObject = [
      "status": .int(Int64(start.status)), "headers": .object(headers), "truncated": .bool(body.count > maxBody),
    ]
    let body = Array((redaction.apply(to: body.span) ?? body).prefix(maxBody))
    if let text = String(validating: body, as: UTF8.self) {
      content["body"] = .string(text)
    } else {
      content["bodyBase64"] = .string(Data(body).base64EncodedString())
    }
    return .object(content)
  }

  func shown(_ text: String) -> String { redaction.apply(to: text) }
}
