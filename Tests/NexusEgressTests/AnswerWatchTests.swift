// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusEgress
import Testing

/// When the answers of a host have ended.
struct AnswerWatchTests {
  private static let answers: [(method: String, text: String)] = [
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
    ("DELETE", "HTTP/1.1 204 No Content\r\n\r\n"),
    ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
    ("POST", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"),
    ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n"),
    ("GET", "HTTP/1.0 404 Not Found\nContent-Length: 2\n\nno"),
  ]

  @Test(arguments: 0..<7) func `an answer ends where it ends, and not before`(_ number: Int) {
    let answer = Self.answers[number]
    var watch = AnswerWatch()
    #expect(watch.isIdle)
    watch.asked([answer.method])
    for byte in answer.text.utf8 {
      #expect(!watch.isIdle && watch.isKnown)
      watch.take([byte])
    }
    #expect(watch.isIdle && watch.isKnown)
  }

  @Test func `answers follow each other, in whatever pieces they come`() {
    let bytes = Array(Self.answers.map(\.text).joined().utf8)
    for size in [1, 2, 3, 7, 50, bytes.count] {
      var watch = AnswerWatch()
      watch.asked(Self.answers.map(\.method))
      var rest = bytes[...]
      while !rest.isEmpty {
        #expect(!watch.isIdle)
        watch.take(rest.prefix(size))
        rest = rest.dropFirst(size)
      }
      #expect(watch.isIdle && watch.isKnown, "in pieces of \(size)")
    }
  }

  @Test(arguments: [
    "HTTP/1.1 200 OK\r\n\r\nuntil the end", "HTTP/1.1 101 Switching\r\n\r\n", "SSH-2.0\r\n\r\n", "\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1 2\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chun\u{212A}ed\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    "HTTP/1.1 200 OK\r\nX: " + String(repeating: "y", count: 100_000),
  ])
  func `what cannot be followed is not taken for the end`(_ text: String) {
    var watch = AnswerWatch()
    watch.asked(["GET"])
    watch.take(Array(text.utf8))
    #expect(!watch.isKnown && !watch.isIdle)
    watch.take(Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8))
    #expect(!watch.isKnown && !watch.isIdle)
  }

  @Test func `of more requests at a time than anybody has no count is kept`() {
    var watch = AnswerWatch()
    for _ in 0..<AnswerWatch.maxWaiting { watch.asked(["GET"]) }
    #expect(watch.isKnown)
    watch.asked(["GET"])
    #expect(!watch.isKnown && !watch.isIdle)
    // Nothing is added from here on.
    for _ in 0..<1000 { watch.asked(["GET"]) }
    #expect(watch.waitingCount == 0)
  }

  @Test func `an answer that nobody asked for is none`() {
    var watch = AnswerWatch()
    watch.take(Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8))
    #expect(!watch.isKnown)
  }

  @Test func `whether a body is wanted is what the host says to its request, and to no other`() {
    var watch = AnswerWatch()
    watch.asked(["GET"])
    watch.asked(["POST"])
    watch.take(Array("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".utf8))
    #expect(watch.word == .none)
    watch.take(Array("HTTP/1.1 102 Processing\r\n\r\n".utf8))
    #expect(watch.word == .none)
    watch.take(Array("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 Too Large\r\n".utf8))
    #expect(watch.word == .goOn)
    watch.take(Array("\r\n".utf8))
    #expect(watch.word == .final(413) && !watch.isKnown)
  }

  @Test func `behind the last answer nothing is followed`() {
    for answer in Self.answers {
      let bytes = Array((answer.text + answer.text).utf8)
      var watch = AnswerWatch()
      watch.asked([answer.method])
      #expect(watch.take(bytes, isLast: true).end == answer.text.utf8.count)
      #expect(watch.isIdle && watch.take(bytes, isLast: true).end == 0)
    }
  }
}
