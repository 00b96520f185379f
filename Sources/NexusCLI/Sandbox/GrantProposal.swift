// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
package import NexusCore

/// The smallest grants that would have let through what a sandbox denied; for a person to judge, never taken by itself.
package struct GrantProposal: Sendable, Hashable {
  /// One thing that was denied, however often.
  package struct Need: Sendable, Hashable {
    package var rule: String
    package var target: String
    package var port: Int?
    package var count: Int64

    package init(rule: String, target: String, port: Int?, count: Int64) {
      self.rule = rule
      self.target = target
      self.port = port
      self.count = count
    }

    package var json: JSONValue {
      ["rule": .string(rule), "target": .string(target), "port": .of(port), "count": .int(count)]
    }

    package init?(json: JSONValue) {
      guard let rule = json["rule"]?.stringValue, let target = json["target"]?.stringValue else { return nil }
      self.init(
        rule: rule, target: target, port: json["port"]?.intValue.map { Int(clamping: $0) },
        count: json["count"]?.intValue ?? 1)
    }
  }

  /// A line below `sandbox.net` or `sandbox.fs`, or a remark where no line would help.
  package enum Line: Sendable, Hashable {
    case grant(yaml: String, remark: String?)
    case folder(yaml: String, remark: String?)
    case remark(String)
  }

  package private(set) var needs: [Need]

  package init(_ needs: [Need] = []) { self.needs = Self.merged(needs) }

  /// Those of the entries of an audit log that are denials.
  package init(entries: [JSONValue]) {
    self.init(
      entries.compactMap { entry in
        guard entry["event"]?.stringValue == AuditEvent.sandboxDenied.rawValue, let details = entry["details"],
          let rule = details["rule"]?.stringValue
        else { return nil }
        return Need(
          rule: rule, target: entry["subject"]?.stringValue ?? "",
          port: details["port"]?.intValue.map { Int(clamping: $0) },
          count: details["count"]?.intValue ?? 1)
      })
  }

  /// With what was learned before.
  package func joined(with others: [Need]) -> GrantProposal { GrantProposal(needs + others) }

  private static func merged(_ needs: [Need]) -> [Need] {
    var merged: [Need] = []
    for need in needs {
      let known = merged.firstIndex { $0.rule == need.rule && $0.target == need.target && $0.port == need.port }
      if let known { merged[known].count += need.count } else { merged.append(need) }
    }
    return merged
  }

  package var lines: [Line] {
    var lines: [Line] = []
    let paths = needs.filter { $0.rule == DenialEvent.Rule.fs.rawValue }.map(\.target)
    let folders = PathProposal.lines(paths) + FolderProposal(paths.filter { !PathProposal.concerns($0) }).lines
    for line in needs.compactMap(Self.line) + folders where !lines.contains(line) { lines.append(line) }
    return lines
  }

  // MARK: What helps

  /// A skill has its grants in a file of its own, and only a person knows whose it is to change.
  private static func skill(_ need: Need) -> Line? {
    guard need.target.hasPrefix("skills."), let end = need.target.firstRange(of: ": ") else { return nil }
    let what = String(need.target[end.upperBound...]) + (need.port.map { ":\($0)" } ?? "")
    let file = "skills/\(need.target[..<end.lowerBound].dropFirst(7))/skill.yaml"
    if need.rule == DenialEvent.Rule.limit.rawValue {
      return .remark("\(file): raise `\(what)`, if so much is meant to be used")
    }
    if need.rule == DenialEvent.Rule.model.rawValue { return .remark("\(file): \(what) is not in its `models`") }
    return .remark("\(file): \(need.rule) \(what) is not in its `net` or `limits`")
  }

  private static func line(_ need: Need) -> Line? {
    if let line = skill(need) { return line }
    switch DenialEvent.Rule(rawValue: need.rule) {
    case .name: return name(need)
    case .address: return address(need)
    case .sni, .host: return host(need)
    case .language where need.target.hasPrefix("Upgrade:"):
      return .remark(
        "\(need.target): the gate reads HTTP/1 alone; other protocols go through TLS that does not end there")
    case .language:
      return .remark(
        "\(need.target): `protocol: tcp` lets anything through, unread; grant it only to hosts of your own")
    case .method, .path: return .remark("\(need.target): add it to `methods` or `paths` of the grant")
    case .bytes: return .remark("raise `limits.netBytes`, if so much is meant to go to \(need.target)")
    case .requests: return .remark("raise `limits.requests`, if so many are meant to go to \(need.target)")
    case .model: return .remark("add \(need.target) to `models` of the skill that asks for it")
    case .limit: return limit(need)
    case .processes: return .remark("the main process has to wait for the processes that it starts: they end with it")
    case .startup: return .remark("\(need.target) was made or changed: look at it before others run it by themselves")
    case .unavailable: return .remark("no grant helps where a sandbox cannot be made: \(need.target)")
    case .module: return .remark("no grant helps a module that cannot be run: \(need.target)")
    case .syscall: return .remark("no grant helps a program that needs the system call \(need.target)")
    case .net: return direct(need)
    // Together: `PathProposal`, `FolderProposal`.
    case .fs: return nil
    case .secret: return .remark("set the secret: naos secret set \(isSecretName(need.target) ? need.target : "NAME")")
    case .connections, .questions, .time: return .remark("no grant helps against: \(need.rule)")
    case nil: return nil
    }
  }

  private static func limit(_ need: Need) -> Line {
    guard need.target.hasPrefix("limits.") else {
      return .remark("\(need.target) is full, and no limit says how much it holds")
    }
    let key = need.target.prefix { $0 != " " }
    return .remark("raise `\(key)`, if so much is meant to be used\(need.target.dropFirst(key.count))")
  }

  private static func isSecretName(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
      }
  }

  private static func name(_ need: Need) -> Line {
    if isMetadata(need.target) {
      return .remark("\(need.target) gives out keys of the machine: it is not proposed")
    }
    guard isHost(need.target) else {
      return .remark("\(need.target.isEmpty ? "(no name)" : need.target) is no host's name")
    }
    // Who asks for a name says no port; a request does.
    if let port = need.port { return .grant(yaml: "{ host: \(need.target), port: \(port) }", remark: nil) }
    return .grant(
      yaml: "{ host: \(need.target), port: 443 }", remark: "the port is a guess: only the name was asked for")
  }

  private static func host(_ need: Need) -> Line {
    let parts = need.target.split(separator: ":", maxSplits: 1)
    guard let host = parts.first.map(String.init), isHost(host), !isMetadata(host) else {
      return .remark("\(need.target): a request has to name the granted host")
    }
    if let address = IPAddress(host), isLinkLocal(address) {
      return .remark("\(host) gives out keys of the machine: it is not proposed")
    }
    let port = parts.count == 2 ? Int(parts[1]) ?? need.port : need.port
    return .grant(yaml: "{ host: \(host), port: \(port ?? 443) }", remark: nil)
  }

  /// A target reads `db.corp (10.0.0.5)`.
  private static func address(_ need: Need) -> Line {
    let parts = need.target.split(separator: " ")
    guard parts.count == 2, isHost(String(parts[0])), let address = IPAddress(String(parts[1].dropFirst().dropLast()))
    else {
      return .remark("\(need.target) leads to no address that can be granted")
    }
    if isLinkLocal(address) { return .remark("\(need.target) gives out keys of the machine: it is not proposed") }
    return .grant(
      yaml: "{ host: \(parts[0]), port: \(need.port ?? 443), addresses: [\"\(address)\"] }",
      remark: "this address is not of the public internet")
  }

  /// An address that was asked for without a name.
  private static func direct(_ need: Need) -> Line {
    let text = need.target.hasPrefix("[") ? String(need.target.dropFirst().dropLast()) : need.target
    guard let address = IPAddress(text), let port = need.port, (1...65535).contains(port) else {
      return .remark("\(need.target) is no address that can be granted")
    }
    if isLinkLocal(address) { return .remark("\(text) gives out keys of the machine: it is not proposed") }
    if port == 53 { return .remark("\(text):53: names are asked for at the name server of the sandbox") }
    guard address.bytes.count == 4 else { return .remark("\(text): grant the name of the host; its address cannot be") }
    return .grant(
      yaml: "{ host: \(address), port: \(port) }",
      remark: address.isPublic
        ? "the address itself was asked for; a name is better" : "this address is not of the public internet")
  }

  private static func isLinkLocal(_ address: IPAddress) -> Bool {
    address.isTranslated || address.bytes.starts(with: [169, 254]) || address.bytes.starts(with: [0xFE, 0x80])
      || address == IPAddress("fd00:ec2::254")
  }

  /// Names under which clouds give out the credentials of a machine.
  private static func isMetadata(_ name: String) -> Bool {
    ["metadata", "instance-data"].contains { name == $0 || name.hasPrefix($0 + ".") }
  }

  /// A name that is written into a file has to be one; agents ask for all sorts of things.
  private static func isHost(_ text: String) -> Bool {
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    return text.utf8.count <= 253 && labels.count > 1
      && labels.allSatisfy { label in
        (1...63).contains(label.utf8.count)
          && label.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x5F
          }
      }
  }
}
