// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusHTTP
import Testing

@Suite struct SSEParserTests {
  private func parse(_ text: String, step: Int = 1000) throws -> [ServerSentEvent] {
    var parser = SSEParser()
    var events: [ServerSentEvent] = []
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: step) {
      events += try parser.feed(bytes[start..<min(bytes.count, start + step)])
    }
    return events
  }

  @Test(arguments: [
    ("data: a\n\n", ["a"]), ("data:a\n\n", ["a"]), ("data:  a\n\n", [" a"]), ("data: a\ndata: b\n\n", ["a\nb"]),
    ("data\n\n", [""]), ("data: a\r\n\r\ndata: b\r\r", ["a", "b"]), (": comment\ndata: a\n\n", ["a"]),
    ("event: x\n\n", []), ("data: cut off\n", []), ("\u{FEFF}data: a\n\n", ["a"]),
    ("data: {\"a\": 1}\n\n", ["{\"a\": 1}"]),
    ("data: é漢😀\n\n", ["é漢😀"]), ("unknown: a\ndata: b\n\n", ["b"]), ("\n\n\ndata: a\n\n\n\n", ["a"]),
    ("data: [DONE]\n\n", ["[DONE]"]), ("retry: 10\ndata: a\n\n", ["a"]),
  ])
  func `the standard's forms are read`(_ text: String, _ data: [String]) throws {
    #expect(try parse(text).map(\.data) == data)
    #expect(try parse(text, step: 1).map(\.data) == data, "however the bytes are cut")
    #expect(try parse(text, step: 2).map(\.data) == data)
  }

  @Test func `names and ids belong to their events`() throws {
    let events = try parse("event: one\nid: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n")
    #expect(
      events == [
        ServerSentEvent(name: "one", data: "a", id: "7"), ServerSentEvent(data: "b", id: "7"),
        ServerSentEvent(data: "c", id: ""),
      ])
  }

  @Test func `an event over the limit is refused`() throws {
    var parser = SSEParser(eventLimit: 100)
    #expect(throws: HTTPClientError.self) {
      for _ in 0..<20 { _ = try parser.feed(Array("data: 12345\n".utf8)) }
      for _ in 0..<20 { _ = try parser.feed(Array("data: 12345".utf8)) }
    }
  }
}

@Suite struct HTTPURLTests {
  @Test(arguments: [
    ("http://a.example", "http://a.example/"), ("HTTPS://A.Example:8443/p?q=1#f", "https://a.example:8443/p?q=1"),
    ("http://a:80/x", "http://a/x"), ("https://[::1]:9/x", "https://[::1]:9/x"), ("http://a?q", "http://a/?q"),
  ])
  func `a URL is taken apart`(_ text: String, _ expected: String) throws {
    #expect(try HTTPURL(text).description == expected)
  }

  @Test(arguments: [
    "ftp://a/", "file:///etc/passwd", "http://", "http://user:pw@host/", "http://a b/", "http://a\\b/", "http://a:0/",
    "http://a:99999/", "http://a:-1/", "http://a:1x/", "http://[::1/", "http://[x]/", "http://a/\r\nx: y", "//a", "",
    "http://a]b/", "http://é/",
  ])
  func `what is no plain web address is refused`(_ text: String) {
    #expect(throws: HTTPClientError.self) { try HTTPURL(text) }
  }

  @Test(arguments: [
    ("/y", "http://a.example/y"), ("y", "http://a.example/x/y"), ("?q=1", "http://a.example/x/z?q=1"),
    ("//b.example/y", "http://b.example/y"), ("https://b.example", "https://b.example/"),
  ])
  func `a redirect is resolved`(_ location: String, _ expected: String) throws {
    #expect(try HTTPURL("http://a.example/x/z?old=1").resolving(location).description == expected)
  }

  @Test(arguments: ["file:///etc/passwd", "gopher://a/", "javascript:alert(1)", "http://u:p@a/"])
  func `a redirect out of the web is refused`(_ location: String) throws {
    let url = try HTTPURL("http://a.example/x")
    #expect(throws: HTTPClientError.self) { try url.resolving(location) }
  }

  @Test(arguments: [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "::127.0.0.1",
  ])
  func `addresses that are not public are known`(_ text: String) throws {
    #expect(try #require(IPAddress(text)).isPublic == false)
  }

  @Test(arguments: ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "193.0.0.1"])
  func `public addresses are known`(_ text: String) throws {
    #expect(try #require(IPAddress(text)).isPublic)
  }

  @Test(arguments: ["0x7f.1", "127.1", "017700000001", "2130706433", "1.2.3.4.5", "::1%lo", "host"])
  func `other spellings are no addresses`(_ text: String) {
    #expect(IPAddress(text) == nil)
  }
}
