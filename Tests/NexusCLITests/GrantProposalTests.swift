// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCLI
import NexusCore
import Testing

struct GrantProposalTests {
  private func lines(_ rule: String, _ target: String, port: Int? = nil) -> [GrantProposal.Line] {
    GrantProposal([GrantProposal.Need(rule: rule, target: target, port: port, count: 1)]).lines
  }

  private func isRemark(_ lines: [GrantProposal.Line]) -> Bool {
    guard lines.count == 1, case .remark = lines[0] else { return false }
    return true
  }

  @Test func `a name that was asked for becomes a grant, its port a guess that says so`() {
    #expect(
      lines("name", "api.example.org") == [
        .grant(yaml: "{ host: api.example.org, port: 443 }", remark: "the port is a guess: only the name was asked for")
      ])
  }

  @Test func `what a skill lacks is for its own manifest`() {
    let found = lines("name", "skills.weather: api.example.org", port: 443)
    #expect(
      found == [
        .remark("skills/weather/skill.yaml: name api.example.org:443 is not in its `net` or `limits`")
      ])
    #expect(
      lines("limit", "skills.weather: limits.cpu") == [
        .remark("skills/weather/skill.yaml: raise `limits.cpu`, if so much is meant to be used")
      ])
  }

  @Test func `a model that a skill may not ask is for its manifest, too`() {
    #expect(
      lines("model", "skills.weather: acme/large") == [
        .remark("skills/weather/skill.yaml: acme/large is not in its `models`")
      ])
  }

  @Test func `another host is proposed with its own port, or that of the door`() {
    #expect(lines("host", "b.test:8080", port: 80) == [.grant(yaml: "{ host: b.test, port: 8080 }", remark: nil)])
    #expect(lines("sni", "b.test", port: 443) == [.grant(yaml: "{ host: b.test, port: 443 }", remark: nil)])
  }

  @Test func `a private address is proposed alone, and with the word that it is one`() {
    #expect(
      lines("address", "db.corp (10.0.0.5)", port: 5432) == [
        .grant(
          yaml: "{ host: db.corp, port: 5432, addresses: [\"10.0.0.5\"] }",
          remark: "this address is not of the public internet")
      ])
  }

  @Test func `an address that was asked for directly is proposed with its port, and a word for a name`() {
    #expect(
      lines("net", "93.184.216.34", port: 443) == [
        .grant(yaml: "{ host: 93.184.216.34, port: 443 }", remark: "the address itself was asked for; a name is better")
      ])
    #expect(
      lines("net", "10.0.0.5", port: 5432) == [
        .grant(yaml: "{ host: 10.0.0.5, port: 5432 }", remark: "this address is not of the public internet")
      ])
  }

  @Test func `a path that was missed is proposed alone, to read or to write as it was wanted`() {
    #expect(lines("fs", "/home/me/data.csv (ro)") == [.folder(yaml: "{ path: /home/me/data.csv }", remark: nil)])
    #expect(lines("fs", "/srv/app/out (rw)") == [.folder(yaml: "{ path: /srv/app/out, mode: rw }", remark: nil)])
    #expect(lines("fs", "/srv/app/a: b, {x} (ro)") == [.folder(yaml: #"{ path: "/srv/app/a: b, {x}" }"#, remark: nil)])
  }

  @Test(arguments: [
    "/home/me/.ssh/id_ed25519 (ro)", "/home/me/.ssh (rw)", "/srv/app/.git/hooks (rw)", "/srv/app/.env (ro)",
    "/srv/app/.env.local (ro)", "/srv/app/.naos/token (ro)", "/home/me/.aws/credentials (ro)", "/home/me/.netrc (ro)",
    "/srv/tls/server.key (ro)", "/srv/tls/all.pem (ro)", "/etc/shadow (ro)", "/ (rw)", "/home (ro)", "/home/me (rw)",
    "/proc/1/environ (ro)", "/var/run/docker.sock (rw)", "/var/lib/dpkg (rw)", "app/x (ro)",
    "/a?b (ro)",
    "/home/me/.cargo/credentials.toml (ro)", "/home/me/.terraform.d/credentials.tfrc.json (ro)", "/srv/a.ovpn (ro)",
    "/srv/A.PEM (ro)", "/srv/a.jks (ro)", "/srv/a.pfx (ro)", "/home/me/.my.cnf (ro)", "/etc/krb5.keytab (ro)",
    "/srv/a.ppk (ro)", "/home/me/.s3cfg (ro)", "/home/me/.boto (ro)", "/srv/a.p8 (ro)", "/srv/a.gpg (ro)",
    "/home/me/.bashrc (rw)", "/srv/app/nexus.config.yaml (kept)",
  ])
  func `what holds keys, is the machine's or everybody's is never written as a grant`(_ target: String) {
    #expect(isRemark(lines("fs", target)), "\(target)")
  }

  @Test(arguments: [
    ("net", "169.254.169.254"), ("net", "[fd00:ec2::254]"), ("net", "[2606:4700::1111]"), ("net", "(others)"),
    ("net", "x }\n"), ("syscall", "ptrace"),
    ("limit", "limits.disk (/tmp)"), ("limit", "/dev/shm"), ("limit", "/tmp (files)"), ("processes", "left running"),
    ("unavailable", "a user namespace (Operation not permitted)"),
    ("name", "metadata.google.internal"), ("name", "instance-data.ec2.internal"), ("host", "169.254.169.254"),
    ("address", "a.test (169.254.169.254)"), ("address", "a.test (::ffff:169.254.169.254)"),
    ("address", "a.test (fe80::1)"),
    ("sni", "(no name)"), ("name", "a, b: [x] }\n  evil.test"), ("name", "(others)"), ("name", ""), ("name", "-"),
    ("bytes", "a.test"), ("time", "a.test"),
  ])
  func `what gives out keys, and what is no host, is never written as a grant`(_ rule: String, _ target: String) {
    #expect(isRemark(lines(rule, target, port: 80)), "\(target)")
  }

  @Test func `paths become the smallest folders that hold them`() {
    let targets = [
      "/srv/models/a.bin", "/srv/models/b.bin", "/srv/models/x/c", "/srv/out/d (write)", "/srv/out/e", "/big",
    ]
    let needs = targets.map { GrantProposal.Need(rule: "fs", target: $0, port: nil, count: 1) }
    let folders = GrantProposal(needs).lines.compactMap { line -> String? in
      if case .folder(let yaml, _) = line { yaml } else { nil }
    }
    #expect(folders == ["{ path: /big }", "{ path: /srv/models }", "{ path: /srv/out, mode: rw }"])
  }

  @Test(arguments: [
    "/etc/passwd", "/proc/1/environ", "/home/a/.ssh/id", "/srv/app/.env.local", "/", "(others)", "", "relative",
    "/a b", "/x, mode: rw }", "/x?y", "/data/new (read only)", "/data/link (within its folder)",
  ])
  func `no path is proposed that is the machine's, is none, or would help nothing`(_ target: String) {
    #expect(isRemark(lines("fs", target)), "\(target)")
  }

  @Test func `what a gate that reads cannot let through is told as what it is`() {
    #expect(
      lines("language", "Upgrade: websocket", port: 443) == [
        .remark(
          "Upgrade: websocket: the gate reads HTTP/1 alone; other protocols go through TLS that does not end there")
      ])
    #expect(
      lines("path", "GET https://a.test/v2/x", port: 443) == [
        .remark("GET https://a.test/v2/x: add it to `methods` or `paths` of the grant")
      ])
    #expect(lines("secret", "api-key", port: 443) == [.remark("set the secret: naos secret set api-key")])
    #expect(lines("secret", "a; rm -r /", port: 443) == [.remark("set the secret: naos secret set NAME")])
  }

  @Test func `the same need is counted together, and proposed once`() {
    let need = GrantProposal.Need(rule: "name", target: "a.test", port: nil, count: 2)
    let proposal = GrantProposal([need, need]).joined(with: [need])
    #expect(proposal.needs.map(\.count) == [6] && proposal.lines.count == 1)
  }

  @Test func `the denials of an audit log are read, and nothing else`() throws {
    let entries = try [
      #"{"event":"sandbox.denied","agent":"a","subject":"x.test","details":{"rule":"name","count":3}}"#,
      #"{"event":"sandbox.flow","agent":"a","subject":"y.test","details":{}}"#,
    ].map { try JSONValue(parsing: $0) }
    #expect(
      GrantProposal(entries: entries).needs == [GrantProposal.Need(rule: "name", target: "x.test", port: nil, count: 3)]
    )
  }

  @Test func `denials that were only counted are counted, and nothing else is`() throws {
    let entries = try [
      #"{"event":"access.flooded","subject":"sandbox.denied","run":"r","details":{"dropped":684,"count":900}}"#,
      #"{"event":"access.flooded","subject":"sandbox.denied","run":"r","details":{"dropped":16}}"#,
      #"{"event":"access.flooded","subject":"sandbox.flow","run":"r","details":{"dropped":5}}"#,
      #"{"event":"sandbox.denied","subject":"sandbox.denied","run":"r","details":{"dropped":5}}"#,
    ].map { try JSONValue(parsing: $0) }
    #expect(DroppedDenials.count(entries) == 700)
  }
}
