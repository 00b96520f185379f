// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// The attacks 31 to 40 of docs/internals/sandbox-attacks.md by an agent that has a host granted.
@Suite(.seated)
struct EgressAttackTests {
  /// What may come of each attack; several where kernels differ in what says no first.
  private static let expected: [String: Set<String>] = [
    "31 127.1.0.2": ["ECONNREFUSED"], "31 127.0.0.1": ["ECONNREFUSED"], "31 0.0.0.0": ["ECONNREFUSED"],
    "31 ::1": ["ECONNREFUSED", "EADDRNOTAVAIL", "ENETUNREACH"],
    "31 the door by its address, as it should be": ["200"], "31 the door, an address for a host": ["403"],
    "32 metadata by name": ["gaierror"], "32 metadata as a host": ["403"],
    "33 granted": [" 1 answers"], "33 text of a granted name": ["code 0, 0 answers"],
    "33 long labels": ["code 3"], "33 text of long labels": ["code 3"], "33 another name server": ["ENETUNREACH"],
    "33 by TCP": ["ECONNREFUSED"], "33 a flood of names": ["unanswered"],
    "35 redirect to another name": ["URLError"], "35 redirect to metadata": ["URLError"],
    "35 redirect to another port": ["URLError"],
    "36 host": ["403"], "36 no host": ["403"], "36 two hosts": ["403"], "36 a whole URL": ["403"], "36 tunnel": ["403"],
    "36 host, folded": ["403"], "36 two lengths": ["403"], "36 another protocol": ["403"],
    "36 other letters in the coding": ["403"],
    "36 a request behind the body": ["403", "closed", "ECONNRESET", "EPIPE"],
    "36 a request in a body": ["0 answers", "1 answers"],
    "36 a request in a body that is waited for": ["0 answers", "1 answers"],
    "36 sni": ["SSLError"], "36 no sni": ["SSLError"], "36 sni, as it should be": ["200"],
    "36 no TLS where TLS is granted": ["closed", "ECONNRESET"],
    "36 second request": ["first 200, second 403"],
    "37 udp to the granted host": ["ECONNREFUSED"], "37 udp": ["ENETUNREACH"], "37 raw": ["EPERM"],
    "37 packet": ["EAFNOSUPPORT"], "37 vsock": ["EAFNOSUPPORT"], "37 netlink": ["EAFNOSUPPORT"],
    "39 many connections": ["closed"], "39 a head without end": ["403", "closed", "ECONNRESET", "EPIPE"],
    "39 after the floods": ["200"],
    "40 taking the door": ["EADDRINUSE"], "40 taking all doors": ["EADDRINUSE"],
    "40 being the name server": ["EACCES", "EADDRINUSE"],
  ]

  /// Holds what came of each attack, and what reached the host, against what may.
  static func judge(_ found: JSONObject, _ host: GrantedHost) {
    for (name, outcomes) in expected {
      let outcome = found[name]?.stringValue ?? "missing"
      #expect(outcomes.contains(outcome), "\(name): \(outcome)")
    }
    for member in found where expected[member.key] == nil {
      #expect(member.key.hasPrefix("31 "), "\(member.key) is expected nowhere")
      #expect(["ENETUNREACH", "EHOSTUNREACH"].contains(member.value.stringValue), "\(member.key): \(member.value)")
    }
    for line in host.requests {
      #expect(line.hasSuffix(" example.test:\(host.plain)") || line.hasSuffix(" example.test"), "\(line)")
    }
  }

  @Test func `no attack gets out beside the granted host, and each is written down`() async throws {
    try await EgressTests.with(agent: "egress_attacks.py") { project, host in
      let node = try await project.up()
      let run = try await project.naos("run", "reacher", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      Self.judge(try #require(run.json["output"]?.objectValue), host)
      let id = try #require(run.json["id"]?.stringValue)
      let denied = try await project.naos(
        "audit", "tail", "--event", "sandbox.denied", "--run", id, "-n", "1000", "-o", "jsonl"
      ).out
      for word in [
        "metadata.google.internal", "169.254.169.254", "elsewhere.test", "other.test", "\"questions\"", "\"sni\"",
        "\"language\"",
        "\"connections\"",
      ] { #expect(denied.contains(word), "\(word)") }
      let logs = try await project.naos("logs", "reacher", "-n", "1000").out
      #expect(logs.contains("naos: denied: the name elsewhere.test is not granted"), "\(logs)")
      let again = try await project.naos("run", "reacher", "-o", "json")
      #expect(again.status == 0, "\(again.err)")
      node.signal(SIGTERM)
      try await node.end()
    }
  }
}
