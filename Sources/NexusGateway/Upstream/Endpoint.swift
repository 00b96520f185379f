// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Where connections go: one pool of kept connections each.
struct Origin: Sendable, Hashable {
  let isSecure: Bool
  let host: String
  let port: Int

  /// The Host header: without the port where the scheme implies it.
  var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }
}

/// What is needed to send a call to one provider; one object for all of its calls.
final class Endpoint: Sendable, Hashable {
  let origin: Origin
  /// The origin as the Host header names it.
  let authority: String
  /// The path of the base URL without a slash at its end: `/v1` or nothing.
  let basePath: String
  /// What is added behind the `?` of every call: `api-version=2024-10-21`; empty for nothing.
  let query: String
  /// Header fields that the provider gets with every call: its credential and what the configuration adds.
  let fields: [EnvironmentVariable]
  /// Takes the credentials among them out of what the provider answers.
  let redaction: Redaction

  init(
    origin: Origin, basePath: String, query: String = "", fields: [EnvironmentVariable], secrets: [String]
  ) {
    self.query = query
    self.origin = origin
    self.basePath = basePath
    self.fields = fields
    redaction = Redaction(secrets: secrets, findsMinted: false)
    authority = origin.authority
  }

  static func == (left: Endpoint, right: Endpoint) -> Bool {
    left === right || left.origin == right.origin && left.basePath == right.basePath && left.query == right.query
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(origin)
    hasher.combine(basePath)
    hasher.combine(query)
  }

  /// The target of a call, whose own path may have a query already.
  func target(_ path: String) -> String {
    if query.isEmpty { return basePath + path }
    return basePath + path + (path.contains("?") ? "&" : "?") + query
  }
}

/// A provider, ready to be called.
struct ProviderEndpoint: Sendable {
  let spec: ProviderSpec
  let endpoint: Endpoint

  /// What says where a request ends, which is not for a configuration to say.
  private static let framing: Set<String> = ["content-length", "transfer-encoding"]

  init(_ spec: ProviderSpec) throws(GatewayError) {
    self.spec = spec
    guard let (origin, path) = Self.parse(spec.baseURL) else {
      throw GatewayError(.unknownModel, "The baseURL of provider '\(spec.name)' is not an http or https URL.")
    }
    var fields: [EnvironmentVariable] = []
    if let key = spec.apiKey?.revealed, let name = spec.keyHeader {
      fields.append(EnvironmentVariable(name, key))
    } else if let key = spec.apiKey?.revealed {
      switch spec.dialect {
      case .openai: fields.append(EnvironmentVariable("authorization", "Bearer \(key)"))
      case .anthropic: fields.append(EnvironmentVariable("x-api-key", key))
      case .gemini: fields.append(EnvironmentVariable("x-goog-api-key", key))
      }
    }
    fields.append(contentsOf: spec.headers.filter { !Self.framing.contains($0.name.lowercased()) })
    var secrets = fields.filter { Self.mayBeSecret($0.name) }.flatMap { Self.secrets(in: $0.value) }
    secrets += spec.query.filter { Self.mayBeSecret($0.name) }.map(\.value)
    if spec.keyHeader != nil { secrets += [spec.apiKey?.revealed].compactMap(\.self) }
    // Everything but what RFC 3986 leaves as it is anywhere: a value begins no member of its own.
    let query = spec.query.map { member in
      [member.name, member.value].map { $0.percentEncoded(keeping: ".~") }.joined(separator: "=")
    }
    endpoint = Endpoint(
      origin: origin, basePath: path, query: query.joined(separator: "&"), fields: fields, secrets: secrets)
  }

  private static let secretNames = ["auth", "key", "token", "secret", "cookie", "credential", "signature"]

  private static func mayBeSecret(_ name: String) -> Bool {
    let name = name.lowercased()
    return secretNames.contains { name.contains($0) }
  }

  /// A credential, without the name of the scheme in front of it.
  private static func secrets(in value: String) -> [String] {
    value.split(separator: " ", maxSplits: 1).last.map { [String($0)] } ?? []
  }

  /// The origin and the path of a URL; nil if there is a query, a user or a fragment, or it is no URL.
  static func parse(_ url: String) -> (Origin, String)? {
    let isSecure = url.hasPrefix("https://")
    guard isSecure || url.hasPrefix("http://") else { return nil }
    let rest = url.dropFirst(isSecure ? 8 : 7)
    guard !rest.contains(where: { "?#@ ".contains($0) }) else { return nil }
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    var authority = rest[..<slash]
    var path = String(rest[slash...])
    while path.hasSuffix("/") { path.removeLast() }
    var port = isSecure ? 443 : 80
    if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
      guard let number = Int(authority[authority.index(after: colon)...]), (1...65535).contains(number) else {
        return nil
      }
      port = number
      authority = authority[..<colon]
    }
    if authority.hasPrefix("["), authority.hasSuffix("]") { authority = authority.dropFirst().dropLast() }
    guard !authority.isEmpty else { return nil }
    return (Origin(isSecure: isSecure, host: String(authority), port: port), path)
  }
}
