// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusTelemetry
import Testing

@Suite struct LineTests {
  @Test func `lines are the same however the stream is cut into chunks`() async throws {
    let text = Array("first\nsecöond\n\nfourth\r\nlast without an end".utf8)
    for size in 1...text.count {
      let bench = try LogBench()
      let writer = bench.writer()
      for start in stride(from: 0, to: text.count, by: size) {
        writer.received(Array(text[start..<min(start + size, text.count)]), from: .standardError)
      }
      _ = await writer.finish()
      #expect(bench.events.texts == ["first", "secöond", "", "fourth", "last without an end"])
      #expect(try bench.texts() == bench.events.texts)
    }
  }

  @Test func `the streams do not mix within a line`() async throws {
    let bench = try LogBench()
    let writer = bench.writer()
    writer.write("to er", .standardError)
    writer.write("to out\n", .standardOutput)
    writer.write("ror\n", .standardError)
    _ = await writer.finish()
    #expect(bench.events.lines.map { "\($0.stream.rawValue): \($0.text)" } == ["stdout: to out", "stderr: to error"])
  }

  @Test func `a line carries who wrote it and when, in memory and on disk`() async throws {
    let bench = try LogBench()
    let writer = bench.writer()
    writer.write("hello\n")
    _ = await writer.finish()
    let stored = try #require(try bench.store.reader.tail(lines: 1).lines.first)
    for line in [stored, try #require(bench.events.lines.first)] {
      #expect(line.agent == AgentName("researcher"))
      #expect(line.run == RunID("run_1"))
      #expect(line.attempt == AttemptNumber(2))
      #expect(line.at == bench.clock.wallNow())
    }
    let bytes = try Files.read(bench.directory + "/researcher.000001.log", limit: 1000)
    let expected =
      #"{"at":"2026-09-21T14:13:20.123Z","agent":"researcher","run":"run_1","attempt":2,"stream":"stderr","text":"hello"}"#
    #expect(String(decoding: bytes, as: UTF8.self) == expected + "\n")
  }

  @Test func `bytes that are no UTF-8 are repaired and not lost`() async throws {
    let bench = try LogBench()
    let writer = bench.writer()
    writer.received([0x61, 0xFF, 0x62, 0xC3, 0x0A, 0xE2, 0x82, 0x0A], from: .standardError)
    _ = await writer.finish()
    #expect(bench.events.texts == ["a\u{FFFD}b\u{FFFD}", "\u{FFFD}"])
    #expect(try bench.texts() == bench.events.texts)
  }

  @Test func `control characters survive as data and cannot end a record`() async throws {
    let bench = try LogBench()
    let writer = bench.writer()
    writer.write("\u{1B}[2Jred \"quoted\" \u{2028}\0\r more\n")
    _ = await writer.finish()
    #expect(try bench.texts() == ["\u{1B}[2Jred \"quoted\" \u{2028}\0\r more"])
  }

  @Test func `a line beyond the limit is cut and says by how much`() async throws {
    let bench = try LogBench { $0.lineBytes = 10 }
    let writer = bench.writer()
    for _ in 0..<7 { writer.write("0123456789") }
    writer.write("\n0123456789\n")
    _ = await writer.finish()
    #expect(try bench.texts() == ["0123456789 [… 60 bytes cut]", "0123456789"])
  }

  @Test func `a flood is cut to the rate and counted`() async throws {
    let bench = try LogBench {
      $0.linesPerSecond = 10
      $0.burstLines = 20
    }
    let writer = bench.writer()
    for index in 0..<100 { writer.write("\(index)\n") }
    let first = bench.events.texts.filter { !$0.hasPrefix("[") }
    #expect(first == (0..<20).map { String($0) })
    bench.clock.advance(by: .seconds(1))
    for index in 100..<200 { writer.write("\(index)\n") }
    _ = await writer.finish()
    let lines = try bench.texts()
    let kept = lines.filter { !$0.hasPrefix("[") }
    #expect(kept == (Array(0..<20) + Array(100..<110)).map { String($0) })
    let dropped = lines.filter { $0.hasPrefix("[… ") }.compactMap { Int($0.dropFirst(3).prefix { $0.isNumber }) }
    #expect(dropped.reduce(0, +) == 170)
  }

  @Test(arguments: [1, 3, 7, 64, 1_000])
  func `every line of a flood is stored or counted, however it arrives`(size: Int) async throws {
    let bench = try LogBench {
      $0.linesPerSecond = 10
      $0.burstLines = 20
    }
    let writer = bench.writer()
    let text = Array((0..<500).map { "\($0)\n" }.joined().utf8) + Array("open".utf8)
    for start in stride(from: 0, to: text.count, by: size) {
      writer.received(Array(text[start..<min(start + size, text.count)]), from: .standardError)
    }
    bench.clock.advance(by: .seconds(1))
    writer.write(" end\n")
    _ = await writer.finish()
    let lines = try bench.texts()
    let kept = lines.filter { !$0.hasPrefix("[") }
    #expect(kept.dropLast() == (0..<20).map { String($0) }[...])
    #expect(kept.last == "open end")
    let dropped = lines.filter { $0.hasPrefix("[… ") }.compactMap { Int($0.dropFirst(3).prefix { $0.isNumber }) }
    #expect(dropped.reduce(0, +) == 480)
  }

  @Test func `a rate in bytes holds too, and an agent's next attempt gets no new burst`() async throws {
    let bench = try LogBench {
      $0.burstBytes = 100
      $0.bytesPerSecond = 1
    }
    for _ in 0..<4 {
      let writer = bench.writer()
      writer.write(String(repeating: "x", count: 40) + "\n")
      _ = await writer.finish()
    }
    #expect(try bench.texts().filter { $0.hasPrefix("x") }.count == 2)
  }

  @Test func `known secrets never reach the log, in none of their spellings and not at the cut`() async throws {
    let secret = "s3cr3t/\"key\""
    let bench = try LogBench(secrets: [secret, "tiny", "first-line-of-key\nsecond-line-of-key"]) {
      $0.lineBytes = 40
    }
    let writer = bench.writer()
    writer.write("a \(secret) b \(secret)\n")
    writer.write(#"{"k":"s3cr3t\/\"key\""}"# + "\n" + #"{"k":"s3cr3t/\"key\""}"# + "\n")
    writer.write("?k=s3cr3t%2F%22key%22&x\n")
    writer.write("tiny stays\nfirst-line-of-key\nsecond-line-of-key\n")
    writer.write(String(repeating: "x", count: 35) + secret + "tail\n")
    _ = await writer.finish()
    let texts = try bench.texts()
    #expect(texts == bench.events.texts)
    #expect(!texts.joined().contains("s3cr3t"))
    #expect(texts[0] == "a [redacted] b [redacted]")
    #expect(texts[3] == "?k=[redacted]&x")
    #expect(Array(texts[4...6]) == ["tiny stays", "[redacted]", "[redacted]"])
  }

  @Test func `a secret that was set anew stays one, however often`() async throws {
    let bench = try LogBench(secrets: ["s3cr3t-one"])
    for next in ["s3cr3t-two", "s3cr3t-three", "s3cr3t-four"] { bench.store.redact([next]) }
    let writer = bench.writer()
    writer.write("s3cr3t-one s3cr3t-two s3cr3t-three s3cr3t-four\n")
    _ = await writer.finish()
    #expect(try bench.texts() == ["[redacted] [redacted] [redacted] [redacted]"])
    #expect(bench.store.shown("GET https://a.test/s3cr3t-two/s3cr3t-th") == "GET https://a.test/[redacted]/[redacted]")
    #expect(bench.store.shown("GET https://a.test/b") == "GET https://a.test/b")
  }

  @Test func `the last words are those of the last line that says something, redacted as the log is`() async throws {
    let bench = try LogBench(secrets: ["s3cr3t-key"])
    let writer = bench.writer("a", .held)
    #expect(writer.lastWords == nil)
    writer.write("first\nerror: s3cr3t-key is wrong\n \t\n\n")
    writer.write("output\n", .standardOutput)
    _ = await writer.finish()
    #expect(writer.lastWords == "error: [redacted] is wrong")
    let open = bench.writer("b")
    open.write("first\nno newline")
    _ = await open.finish()
    #expect(open.lastWords == "no newline")
  }

  @Test func `standard output that is the output is kept up to its limit and counted in whole`() async throws {
    let bench = try LogBench { $0.capturedOutputBytes = 10 }
    let writer = bench.writer("a", .held)
    writer.write("0123456", .standardOutput)
    writer.write("789\nabc", .standardOutput)
    let capture = await writer.finish()
    #expect(capture.bytes == Array("0123456789".utf8))
    #expect(capture.totalBytes == 14)
    #expect(capture.overflowed)
    #expect(bench.events.texts == [])
    await writer.discloseOutput()
    #expect(bench.events.texts == ["0123456789", "[… 4 bytes not kept]"])
    #expect(try bench.texts("a") == bench.events.texts)

    let both = bench.writer("b", .loggedAndCaptured)
    both.write("short\n", .standardOutput)
    let short = await both.finish()
    #expect(short.bytes == Array("short\n".utf8))
    #expect(!short.overflowed)
    #expect(try bench.texts("b") == ["short"])
  }

  @Test func `the node's own lines have a stream that no agent writes to, and its floods take none`() async throws {
    let bench = try LogBench()
    let agent = AgentName("researcher")
    let writer = bench.writer()
    writer.write("naos: denied: the name a.test is not granted\n", .standardError)
    writer.write("naos: denied: the name b.test is not granted\n", .standardOutput)
    bench.store.line(agent: agent, run: nil, attempt: nil, text: "naos: denied: by the call")
    bench.store.ownLine(agent: agent, run: nil, attempt: nil, text: "naos: denied: ptrace")
    writer.said("naos: 2 processes that this agent started could not be ended")
    #expect(bench.events.lines.map(\.stream) == [.standardError, .standardOutput, .standardError, .node, .node])
    writer.write(String(repeating: "noise\n", count: 20_000), .standardError)
    bench.store.ownLine(agent: agent, run: nil, attempt: nil, text: "naos: denied: mount")
    #expect(bench.events.lines.last?.text == "naos: denied: mount")
    _ = await writer.finish()
    #expect(writer.lastWords == "noise")
    let own = bench.events.lines.filter { $0.stream == .node }.map(\.text)
    #expect(own.filter { $0.hasPrefix("naos: ") }.count == 3 && own.contains { $0.contains(" lines (") }, "\(own)")
    let kept = try bench.store.reader.tail(agent: agent, lines: 100_000).lines
    #expect(kept.filter { $0.stream == .node }.map(\.text) == own)
  }
}
