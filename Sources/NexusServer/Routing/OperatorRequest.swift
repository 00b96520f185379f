// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import HTTPTypes
internal import Hummingbird
internal import NexusAPI
package import NexusCore

/// A request of the operator plane, without its transport.
package struct OperatorRequest: Sendable {
  package var method: String
  /// Without the query, as it came.
  package var path: String
  package var query: [String: String]
  /// By lower-case name.
  package var headers: [String: String]
  package var body: [UInt8]
  /// The body as it was read before the call was made; nil where it is read by the call itself.
  private var understood: JSONValue?
  /// What the route's placeholders stand for.
  package var parameters: [String: String]
  /// Who asks.
  package var asker = OperatorIdentity.owner

  package init(
    method: String = "GET", path: String, query: [String: String] = [:], headers: [String: String] = [:],
    body: [UInt8] = [], parameters: [String: String] = [:]
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
    self.parameters = parameters
  }

  /// The body as a JSON object; an empty one is an empty object.
  func json() throws(OperationError) -> JSONValue {
    if let understood { return understood }
    guard !body.isEmpty else { return [:] }
    let value: JSONValue
    do {
      value = try JSONValue(parsing: body)
    } catch {
      throw .misunderstood("The body is not JSON: \(error).")
    }
    guard value.objectValue != nil else { throw .misunderstood("The body has to be an object.") }
    return value
  }

  /// Reads the body of a call that changes something; it may have no members but the call's own.
  mutating func understand(of route: Route) throws(OperationError) {
    guard route.method == "POST", !body.isEmpty else { return }
    let value = try json()
    try RequestBodies.check(value, of: route.path)
    understood = value
  }

  /// A number from the query, within its range.
  func number(_ name: String, default absent: Int, in range: ClosedRange<Int>) throws(OperationError) -> Int {
    guard let text = query[name] else { return absent }
    guard let value = Int(text), range.contains(value) else {
      throw .misunderstood("`\(name)` has to be a number from \(range.lowerBound) to \(range.upperBound).")
    }
    return value
  }

  /// A flag from the query: absent, `true` or `false`.
  func flag(_ name: String, default absent: Bool) throws(OperationError) -> Bool {
    switch query[name] {
    case nil: return absent
    case "true", "1": return true
    case "false", "0": return false
    default: throw .misunderstood("`\(name)` has to be true or false.")
    }
  }

  func parameter(_ name: String) -> String { parameters[name] ?? "" }

  /// A part of the path that may hold any text, decoded (RFC 3986 §2.1): a key of the state may have slashes.
  func decoded(_ name: String) throws(OperationError) -> String {
    var bytes: [UInt8] = []
    var rest = Substring(parameter(name)).utf8
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = Substring(rest.prefix(2))
      rest = rest.dropFirst(2)
      guard digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16) else {
        throw .misunderstood("`\(name)` is not percent-encoded correctly.")
      }
      bytes.append(value)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .misunderstood("`\(name)` is not UTF-8.")
    }
    return text
  }

  var run: RunID { RunID(parameter("id")) }
  var agent: AgentName { AgentName(parameter("name")) }
  var supervisor: SupervisorName { SupervisorName(parameter("name")) }
}

extension OperatorRequest {
  /// The head of a request as it came in; the body is read later, once it is known who asks.
  init(head request: Request) throws(OperationError) {
    guard (request.uri.query?.utf8.count ?? 0) <= OperatorLimits.queryBytes else {
      throw .misunderstood("The query is longer than \(OperatorLimits.queryBytes) bytes.")
    }
    var headers: [String: String] = [:]
    for field in request.headers {
      let name = field.name.canonicalName
      // Two values of a header that decides are one too many: proxies and servers disagree about which one counts.
      if headers[name] != nil, Self.single.contains(name) { throw .misunderstood("The header `\(name)` came twice.") }
      headers[name] = headers[name].map { $0 + "; " + field.value } ?? field.value
    }
    if let authority = request.head.authority {
      guard headers["host"] == nil else { throw .misunderstood("The header `host` came twice.") }
      headers["host"] = authority
    }
    var query: [String: String] = [:]
    for (name, value) in request.uri.queryParameters { query[String(name)] = String(value) }
    self.init(method: request.method.rawValue, path: request.uri.path, query: query, headers: headers)
  }

  private static let single: Set<String> = ["host", "origin", "authorization", "x-naos-session", "idempotency-key"]
}
