// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// The hosts that a process agent in a sandbox may reach.
extension PlanBuilder {
  /// Each host at each port is a door of the sandbox, which has so many.
  static let maxHostDoors = 120
  /// What is spoken where nothing but the host is said.
  private static let usualPorts = [443, 80]

  mutating func grantHosts(_ values: [Shaped], in sandbox: inout SandboxSpec, of spec: inout AgentSpec) {
    for value in values { grantHost(value, in: &sandbox, of: &spec) }
    guard sandbox.hosts.count > Self.maxHostDoors, let first = values.first else { return }
    report(
      Diagnostic(
        "NX-SBX-072",
        "\(sandbox.hosts.count) hosts and ports are granted, and a sandbox has doors for \(Self.maxHostDoors)",
        at: first.location, help: "name the port of each host: one without is granted 443 and 80"))
  }

  /// The hosts that a module may send requests to, which is no agent.
  mutating func moduleHosts(_ values: [Shaped]) -> [HostGrant] {
    var sandbox = SandboxSpec()
    var spec = AgentSpec(name: AgentName(""), kind: .wasm(WasmProgram(source: "")), workingDirectory: "/")
    grantHosts(values, in: &sandbox, of: &spec)
    return sandbox.hosts
  }

  private mutating func grantHost(_ value: Shaped, in sandbox: inout SandboxSpec, of spec: inout AgentSpec) {
    let fields = value.fields
    guard let written = value.text ?? fields?.text("host") else { return }
    let location = fields?.value("host")?.location ?? value.location
    guard let text = HostText(written, allowsPort: fields == nil) else {
      report(
        Diagnostic(
          "NX-CFG-116", "`\(written)` is not a host", at: location,
          help: "write a name or an address without scheme and path, for example example.org"))
      return
    }
    let host = text.host.hasSuffix(".") ? String(text.host.dropLast()) : text.host
    if let problem = Self.problem(ofHost: host) {
      report(Diagnostic("NX-SBX-070", "`\(host)` cannot be granted: \(problem.what)", at: location, help: problem.help))
      return
    }
    if KnownProviders.hosts.contains(host) {
      report(
        Diagnostic(
          "NX-SBX-015", .warning, "`\(host)` is a provider of models: calls that go there count in no budget",
          at: location, help: "call models through the agent plane, and remove the grant"))
    }
    var grant = HostGrant(host: host, port: 0)
    if let word = fields?.text("protocol"), let language = HostGrant.Language(rawValue: word) {
      grant.language = language
    }
    // A skill has no say about TLS: the node speaks it for it.
    let mayTerminate = fields?.shape.key("tls") != nil
    guard readAddresses(fields, into: &grant), !mayTerminate || readTermination(fields, into: &grant),
      readRules(fields, into: &grant, of: &spec)
    else { return }
    let stated = (fields?.integer("port") ?? text.port).map { [$0] }
    guard let ports = stated ?? Self.ports(of: grant.language) else {
      report(
        Diagnostic(
          "NX-SBX-070", "`\(host)` cannot be granted: `protocol: tcp` has no usual port", at: location,
          help: "add `port`"))
      return
    }
    for port in ports {
      grant.port = port
      if let other = sandbox.hosts.first(where: { $0.host == host && $0.port == port }) {
        if other != grant { reportTwice(grant, at: location) }
      } else {
        sandbox.hosts.append(grant)
      }
    }
  }

  private static func ports(of language: HostGrant.Language) -> [Int]? {
    switch language {
    case .web: usualPorts
    case .tls: [443]
    case .http: [80]
    case .tcp: nil
    }
  }

  private mutating func reportTwice(_ grant: HostGrant, at location: SourceLocation) {
    report(
      Diagnostic(
        "NX-SBX-070", "`\(grant.host)` cannot be granted at port \(grant.port) again: another grant says otherwise",
        at: location, help: "write one grant for each host and port, with all of its methods and paths"))
  }

  private static func problem(ofHost host: String) -> (what: String, help: String)? {
    if let address = IPAddress(host) {
      if address.family == .v6 { return ("it is an IPv6 address", "grant a name that leads to it, or an IPv4 address") }
      switch address.bytes[0] {
      case 127: return ("it is the sandbox's own loopback", "give it a name: { host: db.test, resolve: [\(host)] }")
      case 0, 224...: return ("it is the address of no host", "name a host")
      default: return nil
      }
    }
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    if host == "agent" || labels.last == "localhost" {
      return ("it is a name of the sandbox itself", "use another name: { host: db.test, resolve: [127.0.0.1] }")
    }
    let isName = labels.allSatisfy { (1...63).contains($0.count) && $0.allSatisfy { $0 != ":" } }
    // Such as 127.1 and 0x7f000001, which some programs take for addresses.
    guard isName, let last = labels.last, !last.allSatisfy(\.isNumber), !last.hasPrefix("0x") else {
      return ("it is neither a name nor an address in its usual form", "write four decimal numbers, or a name")
    }
    return nil
  }

  /// The addresses and ranges of a grant; false if one is none, which is reported.
  private mutating func readAddresses(_ fields: Fields?, into grant: inout HostGrant) -> Bool {
    var isWhole = true
    for value in fields?.value("addresses")?.list ?? [] {
      guard let range = value.text.flatMap({ AddressRange($0) }) else {
        reportAddress(value, "a range of addresses, such as 10.0.0.0/8")
        isWhole = false
        continue
      }
      grant.ranges.append(range)
      warn(of: range, at: value.location)
    }
    for value in fields?.value("resolve")?.list ?? [] {
      guard let address = value.text.flatMap({ IPAddress($0) }) else {
        reportAddress(value, "an address, such as 10.0.0.5")
        isWhole = false
        continue
      }
      grant.addresses.append(address)
    }
    return isWhole
  }

  /// Where clouds tell a machine who it is, and what lies beside it.
  private mutating func warn(of range: AddressRange, at location: SourceLocation) {
    guard ["169.254.169.254", "fe80::1"].contains(where: { IPAddress($0).map(range.contains) == true }) else { return }
    report(
      Diagnostic(
        "NX-SBX-014", .warning, "`\(range)` holds link-local addresses, where clouds give their machines' keys away",
        at: location, help: "name the range of the host, such as 10.1.0.0/16"))
  }

  private mutating func reportAddress(_ value: Shaped, _ what: String) {
    report(
      Diagnostic(
        "NX-SBX-071", "`\(value.text ?? "")` is not \(what)", at: value.location,
        help: "write the bits behind the length as zeros: 10.1.0.0/16, not 10.1.2.3/16"))
  }

  /// Methods and paths can be read where nothing is encrypted, where TLS ends at the gate, and in the requests of a
  /// module, which the node writes itself; false if they cannot, which is reported.
  private mutating func readRules(_ fields: Fields?, into grant: inout HostGrant, of spec: inout AgentSpec) -> Bool {
    var isModule = false
    if case .wasm = spec.kind { isModule = true }
    if isModule, grant.language == .tcp, let field = fields?.field("protocol") {
      restrict(&spec, "protocol", at: field.keyLocation, help: "a module sends requests, and nothing else")
    }
    var isWhole = true
    for name in ["methods", "paths"] {
      guard let field = fields?.field(name), let list = field.value?.list else { continue }
      guard grant.language == .http || grant.isTerminated || isModule else {
        report(
          Diagnostic(
            "NX-CFG-305", "`\(field.written)` cannot hold: what is encrypted goes through unread",
            at: field.keyLocation,
            help: "add `tls: terminate`, with which the node reads the requests, or speak HTTP: `protocol: http`"))
        isWhole = false
        continue
      }
      let texts = list.compactMap(\.text)
      if name == "methods" { grant.methods = texts.map { $0.uppercased() } } else { grant.paths = texts }
    }
    return isWhole
  }

  /// What only the gate of a process agent's sandbox can hold to.
  mutating func refuseGateRules(_ fields: Fields?, of spec: inout AgentSpec) {
    for name in ["protocol", "addresses", "resolve", "paths", "tls", "ca"] {
      if let field = fields?.field(name) { restrict(&spec, field.written, at: field.keyLocation) }
    }
  }
}
