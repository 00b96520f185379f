// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// Grants whose TLS ends at the gate.
extension PlanBuilder {
  /// Where TLS of a grant ends, and who may have signed the host's certificate; false if that cannot be, which is
  /// reported.
  mutating func readTermination(_ fields: Fields?, into grant: inout HostGrant) -> Bool {
    if let tls = fields?.value("tls"), tls.text == "terminate" {
      guard !(fields?.has("protocol") ?? false) || grant.language == .tls else {
        report(
          Diagnostic(
            "NX-CFG-306", "`tls: terminate` is for `protocol: tls`, and this is `protocol: \(grant.language.rawValue)`",
            at: tls.location, help: "write two grants, if the host is also spoken to without TLS"))
        return false
      }
      grant.language = .tls
      grant.isTerminated = true
    }
    guard let value = fields?.value("ca"), let path = value.text else { return true }
    guard grant.isTerminated else {
      report(
        Diagnostic(
          "NX-CFG-306", "`ca` is for the certificate of a host that the node speaks TLS to itself", at: value.location,
          help: "add `tls: terminate`, or remove it: the agent's own TLS asks nobody else"))
      return false
    }
    guard let pem = certificates(inFile: path, at: value.location) else { return false }
    grant.authority = HostAuthority(path: project.resolved(path), pem: pem)
    return true
  }

  private static let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
  private static let longestFile = 1 << 20

  private mutating func certificates(inFile path: String, at location: SourceLocation) -> String? {
    let source: SourceFile
    switch readFile(project.resolved(path), location) {
    case .failure(let diagnostic):
      report(diagnostic)
      return nil
    case .success(let read): source = read
    }
    let found = Self.blocks(of: source.text)
    let isWhole = !found.isEmpty && found.allSatisfy(Self.isCertificate) && source.text.utf8.count <= Self.longestFile
    guard isWhole, !source.text.contains("PRIVATE KEY") else {
      report(
        Diagnostic(
          "NX-CFG-307", "`\(path)` holds no certificates in PEM, or more than that", at: location,
          help: "give it those of the authority alone, each between \(Self.begin) and its end"))
      return nil
    }
    return found.map { "\(Self.begin)\n\($0.joined(separator: "\n"))\n\(Self.end)\n" }.joined()
  }

  /// The lines between each beginning and its end.
  private static func blocks(of text: String) -> [[String]] {
    var blocks: [[String]] = []
    var open: [String]?
    for line in text.split(whereSeparator: \.isNewline) {
      let line = String(line.drop { $0 == " " })
      if line.hasPrefix(begin) {
        open = []
      } else if line.hasPrefix(end), let block = open {
        blocks.append(block)
        open = nil
      } else {
        open?.append(line)
      }
    }
    return blocks
  }

  /// In base64 and, as every certificate, a sequence (`MI`).
  private static func isCertificate(_ lines: [String]) -> Bool {
    let text = lines.joined().utf8
    let isPlain = text.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): true
      default: false
      }
    }
    return isPlain && text.starts(with: "MI".utf8) && text.count % 4 == 0
  }
}
