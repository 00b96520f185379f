// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

extension HostGrant {
  /// The form in which it is pinned with an agent's definition.
  var definition: JSONValue {
    var object: JSONObject = [
      "host": .string(host), "port": .int(Int64(port)), "protocol": .string(language.rawValue),
      "ranges": .array(ranges.map { .string($0.description) }),
      "addresses": .array(addresses.map { .string($0.description) }), "methods": .array(methods.map { .string($0) }),
      "paths": .array(paths.map { .string($0) }),
    ]
    // What a grant has none of is not said, as in definitions of before there was any.
    if isTerminated { object["terminated"] = true }
    object["authority"] = authority.map { ["path": .string($0.path), "pem": .string($0.pem)] }
    if !secrets.isEmpty { object["secrets"] = .array(secrets.map(\.definition)) }
    return .object(object)
  }

  init?(definition: JSONValue) {
    func texts(_ key: String) -> [String]? {
      guard let list = definition[key]?.arrayValue else { return nil }
      let texts = list.compactMap(\.stringValue)
      return texts.count == list.count ? texts : nil
    }
    guard let host = definition["host"]?.stringValue, let port = definition["port"]?.intValue,
      let language = definition["protocol"]?.stringValue.flatMap(Language.init(rawValue:)),
      let rangeTexts = texts("ranges"), let addressTexts = texts("addresses"), let methods = texts("methods"),
      let paths = texts("paths")
    else { return nil }
    let ranges = rangeTexts.compactMap { AddressRange($0) }
    let addresses = addressTexts.compactMap { IPAddress($0) }
    // A range that is lost would open more than was granted.
    guard ranges.count == rangeTexts.count, addresses.count == addressTexts.count else { return nil }
    self.init(
      host: host, port: Int(clamping: port), language: language, ranges: ranges, addresses: addresses, methods: methods,
      paths: paths)
    isTerminated = definition["terminated"]?.boolValue ?? false
    if let written = definition["authority"] {
      guard let path = written["path"]?.stringValue, let pem = written["pem"]?.stringValue else { return nil }
      authority = HostAuthority(path: path, pem: pem)
    }
    for written in definition["secrets"]?.arrayValue ?? [] {
      guard let secret = SecretInjection(definition: written) else { return nil }
      secrets.append(secret)
    }
  }
}

/// Without its value, which belongs to the place where the run goes on.
extension SecretInjection {
  var definition: JSONValue { ["name": .string(name), "header": .string(header), "prefix": .string(prefix)] }

  init?(definition: JSONValue) {
    guard let name = definition["name"]?.stringValue, let header = definition["header"]?.stringValue,
      let prefix = definition["prefix"]?.stringValue
    else { return nil }
    self.init(name: name, header: header, prefix: prefix)
  }
}
