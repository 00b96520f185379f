// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import FoundationEssentials
internal import NexusCore
internal import NexusHTTP

/// A request that an agent asks for; an agent wrote it, so each part is checked where it is read.
struct AskedRequest: Sendable {
  struct Invalid: Error { let message: String }

  static let maxFields = 64
  static let maxFieldBytes = 8192
  /// Those of the connection, which is the node's own, and those that lead a server to another host.
  static let keptFields: Set<String> = [
    "host", "connection", "content-length", "transfer-encoding", "upgrade", "http2-settings", "te", "trailer", "expect",
    "keep-alive", "proxy-authorization", "proxy-connection", "accept-encoding",
  ]
  static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

  let method: String
  let url: HTTPURL
  private(set) var headers: HeaderFields
  let body: [UInt8]

  init(_ arguments: JSONValue) throws(Invalid) {
    guard let text = arguments["url"]?.stringValue else { throw Invalid(message: "`url` has to be a text") }
    do throws(HTTPClientError) { url = try HTTPURL(text) } catch { throw Invalid(message: error.message) }
    method = try Self.method(arguments["method"])
    headers = try Self.headers(arguments["headers"])
    body = try Self.body(arguments)
  }

  /// What it takes on the wire, about: the request line, the fields, the body.
  var size: Int { method.utf8.count + url.target.utf8.count + headers.size + body.count }

  /// The request with a secret in the place of whatever the agent put there.
  func carrying(_ secrets: [GateSecret]) throws(HostRequests.Refused) -> AskedRequest {
    var request = self
    request.headers = HeaderFields()
    for field in headers where !secrets.contains(where: { $0.isNamed(by: field.name.utf8) }) {
      request.headers.append(name: field.name, value: field.value)
    }
    for secret in secrets {
      guard let content = secret.content else {
        let name = secret.injection.name
        throw HostRequests.Refused(.secret, name, "the secret `\(name)` of its requests is not there")
      }
      request.headers.append(name: secret.injection.header, value: content)
    }
    return request
  }

  private static func method(_ value: JSONValue?) throws(Invalid) -> String {
    guard let value, !value.isNull else { return "GET" }
    guard let method = value.stringValue, methods.contains(method) else {
      throw Invalid(message: "`method` has to be one of \(methods.joined(separator: ", "))")
    }
    return method
  }

  private static func headers(_ value: JSONValue?) throws(Invalid) -> HeaderFields {
    var fields: HeaderFields = ["accept-encoding": "identity"]
    guard let value, !value.isNull else { return fields }
    guard let object = value.objectValue, object.count <= maxFields else {
      throw Invalid(message: "`headers` has to be an object of at most \(maxFields) texts")
    }
    for member in object {
      let name = member.key.lowercased()
      guard let text = member.value.stringValue, isToken(name), isPlain(text), text.utf8.count <= maxFieldBytes else {
        throw Invalid(message: "the header `\(name.prefix(60))` is none")
      }
      guard !keptFields.contains(name) else { throw Invalid(message: "the header `\(name)` is the node's own") }
      fields.append(name: name, value: text)
    }
    return fields
  }

  private static func isToken(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 256
      && name.utf8.allSatisfy { byte in
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
      }
  }

  private static func isPlain(_ value: String) -> Bool {
    value.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
  }

  private static func body(_ arguments: JSONValue) throws(Invalid) -> [UInt8] {
    if let text = arguments["body"], !text.isNull {
      guard let text = text.stringValue else { throw Invalid(message: "`body` has to be a text") }
      return Array(text.utf8)
    }
    guard let encoded = arguments["bodyBase64"], !encoded.isNull else { return [] }
    guard let text = encoded.stringValue, let data = Data(base64Encoded: text) else {
      throw Invalid(message: "`bodyBase64` has to be base64")
    }
    return Array(data)
  }
}

extension HeaderFields {
  var size: Int { reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 } }
}
