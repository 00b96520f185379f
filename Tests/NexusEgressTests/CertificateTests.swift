// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusEgress
import Testing

/// Certificates of the gate, held against openssl where there is one.
struct CertificateTests {
  @Test func `values are written in their one form`() {
    #expect(DER.integer([0x80]) == [2, 2, 0, 0x80])
    #expect(DER.integer([0, 0, 0x7F]) == [2, 1, 0x7F])
    #expect(DER.integer([]) == [2, 1, 0])
    #expect(DER.identifier(1, 2, 840, 10045, 4, 3, 2) == [6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2])
    #expect(DER.identifier(2, 5, 29, 17) == [6, 3, 0x55, 0x1D, 0x11])
    #expect(DER.sequence([1], [], [2]) == [0x30, 2, 1, 2])
  }

  @Test(
    arguments: [
      (0, [4, 0]), (127, [4, 127]), (128, [4, 0x81, 128]), (255, [4, 0x81, 255]), (256, [4, 0x82, 1, 0]),
      (65_536, [4, 0x83, 1, 0, 0]),
    ] as [(Int, [UInt8])])
  func `lengths are as short as they can be`(_ count: Int, _ beginning: [UInt8]) {
    let written = DER.octets([UInt8](repeating: 9, count: count))
    #expect(Array(written.prefix(beginning.count)) == beginning && written.count == beginning.count + count)
  }

  @Test func `years have two digits until 2049, and four from then on`() {
    #expect(DER.time(WallTime(microseconds: 0)) == [0x17, 13] + Array("700101000000Z".utf8))
    #expect(DER.time(WallTime(microseconds: 2_524_607_999_000_000)) == [0x17, 13] + Array("491231235959Z".utf8))
    #expect(DER.time(WallTime(microseconds: 2_524_608_000_000_000)) == [0x18, 15] + Array("20500101000000Z".utf8))
  }

  // MARK: openssl

  private static func openssl(_ arguments: [String]) throws -> (status: Int32, text: String) {
    let paths = ["/usr/bin/openssl", "/usr/local/bin/openssl"]
    guard let program = paths.first(where: FileManager.default.isExecutableFile) else {
      try Test.cancel("no openssl on this machine")
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let pipe = Pipe()
    (process.standardOutput, process.standardError) = (pipe, pipe)
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  private static func with(
    _ hosts: Set<String>, _ body: (_ authority: String, _ leaf: (String) throws -> String) throws -> Void
  ) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/naos-trust-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let trust = try SandboxTrust(for: hosts, at: SystemClock().wallNow(), random: SystemRandom())
    func keep(_ pem: String, _ name: String) throws -> String {
      try pem.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
      return folder + "/" + name
    }
    let authority = try keep(trust.pem, "ca.pem")
    try body(authority) { host in try keep(try #require(trust.pem(of: host)), host + ".pem") }
  }

  @Test(arguments: ["example.test", "10.1.2.3"])
  func `openssl takes the certificate of a granted host for that host and for no other`(_ host: String) throws {
    try Self.with([host, "other.test"]) { authority, leaf in
      let file = try leaf(host)
      let flag = IPAddress(host) == nil ? "-verify_hostname" : "-verify_ip"
      let strict = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", authority, flag]
      let good = try Self.openssl(strict + [host, file])
      #expect(good.status == 0, "\(good.text)")
      let bad = try Self.openssl(strict + [IPAddress(host) == nil ? "other.test" : "10.1.2.4", file])
      #expect(bad.status != 0, "\(bad.text)")
    }
  }

  @Test func `the authority may sign for the granted hosts only, and for nobody who signs`() throws {
    try Self.with(["example.test", "10.1.2.3"]) { authority, _ in
      let shown = try Self.openssl(["x509", "-in", authority, "-noout", "-text"]).text
      for line in [
        "CA:TRUE, pathlen:0", "X509v3 Name Constraints: critical", "DNS:example.test",
        "IP:10.1.2.3/255.255.255.255", "Certificate Sign", "ecdsa-with-SHA256",
      ] { #expect(shown.contains(line), "\(line): \(shown)") }
    }
    try Self.with(["example.test"]) { authority, _ in
      let shown = try Self.openssl(["x509", "-in", authority, "-noout", "-text"]).text
      #expect(shown.contains("Excluded:") && shown.contains("IP:0.0.0.0/0.0.0.0"), "\(shown)")
    }
  }

  @Test func `each sandbox has an authority of its own`() throws {
    let trusts = try (0..<3).map { _ in
      try SandboxTrust(for: ["example.test"], at: SystemClock().wallNow(), random: SystemRandom())
    }
    #expect(Set(trusts.map(\.authority)).count == 3)
    #expect(Set(trusts.compactMap { $0.pem(of: "example.test") }).count == 3)
    #expect(trusts[0].pem(of: "other.test") == nil)
    #expect(trusts.allSatisfy { !$0.pem.contains("PRIVATE") })
  }
}
