// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

extension HostGrant {
  /// The form in which it is pinned with an agent's definition.
  var definition: JSONValue {
    [
      "host": .string(host), "port": .int(Int64(port)), "protocol": .string(language.rawValue),
      "ranges": .array(ranges.map { .string($0.description) }),
      "addresses": .array(addresses.map { .string($0.description) }), "methods": .array(methods.map { .string($0) }),
      "paths": .array(paths.map { .string($0) }),
    ]
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
  }
}
