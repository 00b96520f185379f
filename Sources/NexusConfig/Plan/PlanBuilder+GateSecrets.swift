// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// The secrets that the gate of a sandbox adds to requests.
extension PlanBuilder {
  private static let place = "header:"
  /// What belongs to the connection or says where a message ends; whoever sets it decides what is read as what.
  private static let ownHeaders: Set = [
    "host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "keep-alive",
    "proxy-connection", "http2-settings", "content-encoding", "content-type", "range",
  ]

  mutating func addSecret(_ value: Shaped, to sandbox: inout SandboxSpec, of spec: inout AgentSpec) {
    guard let fields = value.fields, let name = fields.value("name"), let nameText = name.text,
      let host = fields.value("host"), let hostText = host.text, let header = header(fields),
      let prefix = prefix(fields)
    else { return }
    let secret = SecretInjection(name: nameText, header: header, prefix: prefix)
    let wanted = HostText(hostText, allowsPort: false)?.host ?? hostText
    let port = fields.integer("port")
    let places = sandbox.hosts.indices.filter { index in
      let grant = sandbox.hosts[index]
      return (grant.host == wanted || grant.host + "." == wanted) && (port == nil || grant.port == port)
    }
    guard !places.isEmpty else {
      let known = sandbox.hosts.map(\.host)
      report(
        Diagnostic(
          "NX-SBX-020",
          "`\(hostText)\(port.map { ":\($0)" } ?? "")` is not granted, so nothing carries `\(nameText)` there",
          at: host.location, help: "grant it: net: [{ host: \(wanted), tls: terminate }]",
          suggestion: known.contains(wanted) ? nil : Suggestion.nearest(to: wanted, among: known)))
      return
    }
    guard mayCarry(places.map { sandbox.hosts[$0] }, of: spec, at: host.location) else { return }
    if places.contains(where: { index in sandbox.hosts[index].secrets.contains { isSame($0.header, header) } }) {
      report(
        Diagnostic(
          "NX-SBX-023", "two secrets go into `\(header)` of requests to `\(wanted)`",
          at: fields.value("inject")?.location ?? value.location, help: "keep one of them"))
      return
    }
    guard let found = gateSecret(nameText, at: name.location) else { return }
    spec.gateSecrets[nameText] = found
    for index in places { sandbox.hosts[index].secrets.append(secret) }
  }

  private func isSame(_ one: String, _ other: String) -> Bool { one.lowercased() == other.lowercased() }

  /// Its value; nil if there is none that can stand in a header, which is reported.
  private mutating func gateSecret(_ name: String, at location: SourceLocation) -> SecretText? {
    switch secret(name) {
    case .found(let value):
      let isPlain = value.revealed.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
      if isPlain, !value.revealed.hasPrefix(" "), !value.revealed.hasSuffix(" ") { return value }
      report(
        Diagnostic(
          "NX-SBX-022", "the secret `\(name)` cannot stand in a header: it has a line break, or a space at an end",
          at: location, help: "set it anew: naos secret set \(name)"))
    case .missing(let known):
      report(
        Diagnostic(
          "NX-SBX-021", "there is no secret `\(name)`", at: location, help: "set it with `naos secret set \(name)`",
          suggestion: Suggestion.nearest(to: name, among: known)))
    case .unreadable(let code, let message):
      report(
        Diagnostic(
          "NX-SBX-021", "the secret `\(name)` cannot be read: \(message)", at: location, help: "naos explain \(code)"))
    }
    return nil
  }

  // MARK: Where it goes

  private mutating func header(_ fields: Fields) -> String? {
    guard let inject = fields.value("inject"), let text = inject.text else { return nil }
    let name = String(text.dropFirst(Self.place.count))
    let isToken =
      !name.isEmpty && name.utf8.count <= 64
      && name.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"): true
        default: false
        }
      }
    guard text.hasPrefix(Self.place), isToken else {
      report(
        Diagnostic(
          "NX-CFG-308", "`\(text)` is no place for a secret", at: inject.location,
          help: "name a header field: inject: \"header:Authorization\", prefix: \"Bearer \""))
      return nil
    }
    guard !Self.ownHeaders.contains(name.lowercased()) else {
      report(
        Diagnostic(
          "NX-CFG-308", "`\(name)` is no place for a secret: it says how the message is to be read",
          at: inject.location,
          help: "name the field that the host expects a credential in, such as Authorization"))
      return nil
    }
    return name
  }

  private mutating func prefix(_ fields: Fields) -> String? {
    guard let value = fields.value("prefix"), let text = value.text else { return "" }
    if text.utf8.count <= 256, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), !text.hasPrefix(" ") { return text }
    report(
      Diagnostic(
        "NX-CFG-308", "`prefix` cannot stand in a header", at: value.location,
        help: "write plain characters, as in \"Bearer \""))
    return nil
  }

  /// Networks in which nobody is but who was let in; a wire between machines of others is none.
  private static let closedNetworks = [
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7",
  ].compactMap { AddressRange($0) }

  /// Whether a secret may be added to requests of these grants; what they lack is reported.
  private mutating func mayCarry(_ grants: [HostGrant], of spec: AgentSpec, at location: SourceLocation) -> Bool {
    // The node writes the requests of a module itself, so that its TLS need not end anywhere to be read.
    var isModule = false
    if case .wasm = spec.kind { isModule = true }
    for grant in grants where !grant.isTerminated && !(isModule && grant.language == .tls) {
      guard grant.language == .http else {
        let why = isModule ? "they may go out without TLS" : "they go through unread"
        let what = isModule ? "`tls: terminate` or `protocol: tls`" : "`tls: terminate`"
        report(
          Diagnostic(
            "NX-SBX-024", "nothing can be added to requests to `\(grant.host):\(grant.port)`: \(why)",
            at: location, help: "add \(what) to the grant, or say which `port` of the host is meant"))
        return false
      }
      guard Self.isClosed(grant) else {
        report(
          Diagnostic(
            "NX-SBX-025", "a secret is not sent to `\(grant.host):\(grant.port)` without TLS", at: location,
            help: "use `tls: terminate`, or say with `resolve` or `addresses` that the host is on a private network"))
        return false
      }
    }
    return true
  }

  private static func isClosed(_ grant: HostGrant) -> Bool {
    let places =
      grant.ranges + (grant.addresses + [grant.literal].compactMap(\.self)).compactMap { AddressRange("\($0)") }
    return !places.isEmpty
      && places.allSatisfy { place in
        closedNetworks.contains { $0.length <= place.length && $0.contains(place.base) }
      }
  }

  /// An agent that sends no requests of its own has none that a secret could be added to.
  mutating func refuseSecrets(_ fields: Fields?, _ why: String) {
    guard let field = fields?.field("secrets") else { return }
    report(
      Diagnostic("NX-CFG-309", .warning, "`secrets` has no effect: \(why)", at: field.keyLocation, help: "remove it"))
  }
}
