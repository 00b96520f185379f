// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusEgress
import Testing

struct GrantTests {
  private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

  @Test(arguments: [
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "0.0.0.0", "169.254.169.254", "100.64.0.1", "192.0.0.1",
    "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00:ec2::254", "fc00::1",
    "ff02::1", "::ffff:8.8.8.8", "::ffff:169.254.169.254", "64:ff9b::808:808", "64:ff9b:1::808:808", "2002:808:808::1",
    "2001:db8::1", "::8.8.8.8",
  ])
  func `a name leads to no address but a public one`(_ text: String) throws {
    #expect(!HostGrant(host: "a.test", port: 443).allows(try address(text)))
  }

  @Test(arguments: ["8.8.8.8", "2606:4700:4700::1111"])
  func `a name leads to public addresses`(_ text: String) throws {
    #expect(HostGrant(host: "a.test", port: 443).allows(try address(text)))
  }

  @Test func `ranges stand in the place of the public internet`() throws {
    let grant = HostGrant(host: "a.test", port: 443, ranges: [try #require(AddressRange("10.1.0.0/16"))])
    #expect(grant.allows(try address("10.1.255.1")))
    #expect(!grant.allows(try address("10.2.0.1")))
    #expect(!grant.allows(try address("8.8.8.8")))
  }

  @Test func `an address that the grant names is allowed`() throws {
    #expect(HostGrant(host: "10.0.0.5", port: 80).allows(try address("10.0.0.5")))
    #expect(!HostGrant(host: "10.0.0.5", port: 80).allows(try address("10.0.0.6")))
    let resolved = HostGrant(host: "a.test", port: 80, addresses: [try address("127.0.0.1")])
    #expect(resolved.allows(try address("127.0.0.1")))
    #expect(!resolved.allows(try address("127.0.0.2")))
  }

  @Test(arguments: [
    ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("192.168.4.0/22", "192.168.7.255", true),
    ("192.168.4.0/22", "192.168.8.0", false), ("0.0.0.0/0", "1.2.3.4", true), ("1.2.3.4", "1.2.3.4", true),
    ("1.2.3.4", "1.2.3.5", false), ("fd00::/8", "fd12::1", true), ("fd00::/8", "fe00::1", false),
    ("0.0.0.0/0", "::1", false),
  ])
  func `ranges hold what they say`(_ range: String, _ text: String, _ isIn: Bool) throws {
    #expect(try #require(AddressRange(range)).contains(try address(text)) == isIn)
  }

  @Test(arguments: [
    "", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/-1", "10.0.0.0/8/8", "a/8", "010.0.0.0/8", "fd00::1/8",
  ])
  func `what is no range is none`(_ text: String) { #expect(AddressRange(text) == nil) }

  @Test func `a denial is told once, then counted, and there are not endlessly many`() {
    let caller = Caller(agent: AgentName("a"), run: nil, step: .main, attempt: AttemptNumber(1))
    var book = DenialBook(of: caller)
    #expect(book.note(.name, "evil.test", port: nil)?.count == 1)
    for _ in 0..<9 { #expect(book.note(.name, "evil.test", port: nil) == nil) }
    #expect(book.flush().map(\.count) == [9])
    #expect(book.flush().isEmpty)
    var told = 1
    for number in 0..<5000 where book.note(.name, "x\(number).test", port: nil) != nil { told += 1 }
    #expect(told == DenialBook.maxTargets + 1)
    // Of each rule, what is too much is told together once.
    #expect(book.note(.sni, "\u{1B}[31mred\n", port: 443)?.target == "(others)")
    #expect(book.flush().reduce(0) { $0 + $1.count } == 5000 - (told - 1))
  }

  @Test func `what is shown of a target is plain`() {
    let caller = Caller(agent: AgentName("a"), run: nil, step: .main, attempt: AttemptNumber(1))
    var book = DenialBook(of: caller)
    #expect(book.note(.host, "\u{1B}[31m\u{202E}é\n", port: 1)?.target == "?[31m???")
    #expect(book.note(.host, String(repeating: "x", count: 10_000), port: 1)?.target.count == 200)
  }
}
