// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusConfig
import NexusCore
import NexusDiagnostics
import NexusLocalModels
import Testing

/// A cassette is written by the model and read by the configuration: every byte has to come back.
struct CassetteTests {
  private func readBack(_ text: String) throws -> (Cassette?, [Diagnostic]) {
    let path = NSTemporaryDirectory() + "cassette-\(UUID().uuidString).yaml"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let file = ScriptFile.read(path)
    return (try file.json.map { try Cassette(json: $0) }, file.diagnostics)
  }

  static func call(request: String, body: [UInt8], step: String? = nil, header: String = "x") -> CassetteCall {
    CassetteCall(
      api: .openAIChat, path: "/v1/chat/completions", step: step, request: Array(request.utf8), digest: nil, model: "m",
      status: 200, headers: [.init("content-type", "application/json"), .init("x-odd", header)], isStream: false,
      body: body, usage: LocalUsage(inputTokens: 3, outputTokens: 4))
  }

  static let oddTexts = [
    "", "\n", "\n\n", " leading", "trailing ", "a\n b\n  c", "a\n\n\nb\n", "# no comment", "- no list", "a: b", "--- a",
    "...", "%TAG", "tab\there", "cr\r\nlf\r\n", "nul\u{0}", "bell\u{7}del\u{7F}", "next\u{85}line",
    "ls\u{2028}ps\u{2029}",
    "bom\u{FEFF}", "non\u{FFFE}\u{FFFF}", "é e\u{301} 😀 漢字", "\"quoted\" \\ back", "   \nspaces only", "a\n   \nb",
    "'single'", "data: {\"a\":1}\n\ndata: [DONE]\n\n", "|2+", "~", "null", "true", "0x1F", "\u{A0}", "\u{200B}zero",
  ]

  @Test(arguments: oddTexts)
  func `a text of any kind comes back as it was`(text: String) throws {
    let cassette = Cassette(
      name: text.isEmpty ? "x" : text, run: "run_1",
      calls: [
        Self.call(request: text, body: Array(text.utf8), step: text, header: text), Self.call(request: "{}", body: []),
      ])
    let (read, diagnostics) = try readBack(cassette.text)
    #expect(read == cassette, "\(diagnostics)\n\(cassette.text)")
  }

  @Test func `bytes that are no text come back too`() throws {
    let cassette = Cassette(name: "x", run: nil, calls: [Self.call(request: "{}", body: [0xFF, 0xFE, 0, 0x80, 0x0A])])
    #expect(try readBack(cassette.text).0 == cassette)
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func `random calls come back`(seed: UInt64) throws {
    var random = SystemlessRandom(seed: seed)
    func text(_ length: Int) -> String {
      var result = String.UnicodeScalarView()
      for _ in 0..<length {
        let odd: [Unicode.Scalar] = ["\n", "\r", "\t", " ", "\"", "\\", ":", "#", "\u{85}", "\u{2028}", "\u{0}", "😀"]
        result.append(
          Bool.random(using: &random)
            ? odd.randomElement(using: &random) ?? " " : Unicode.Scalar(UInt8.random(in: 0x20...0x7E, using: &random)))
      }
      return String(result)
    }
    let calls = (0..<Int.random(in: 0...5, using: &random)).map { _ in
      var call = Self.call(
        request: text(Int.random(in: 0...60, using: &random)),
        body: Array(text(Int.random(in: 0...200, using: &random)).utf8),
        step: Bool.random(using: &random) ? text(5) : nil, header: text(8))
      call.isStream = Bool.random(using: &random)
      call.status = Int.random(in: 100...599, using: &random)
      if Bool.random(using: &random) { call.usage = nil }
      return call
    }
    let cassette = Cassette(name: "agent", run: "run_\(seed)", calls: calls)
    let (read, diagnostics) = try readBack(cassette.text)
    #expect(read == cassette, "seed \(seed): \(diagnostics)\n\(cassette.text)")
  }

  @Test(arguments: [
    "- answer: x", "- recorded: openai.chat", "- { recorded: openai.chat, path: /v1/x, status: 200, body: '' }",
    "- { recorded: nonsense, path: /x, status: 200, body: '', request: '{}' }",
    "- { recorded: openai.chat, path: x, status: 200, body: '', request: '{}' }",
    "- { recorded: openai.chat, path: /x, status: 99, body: '', request: '{}' }",
    "- { recorded: openai.chat, path: /x, status: 200, bodyHex: 'abc', request: '{}' }",
    "- { recorded: openai.chat, path: /x, status: 200, body: '', digest: 'short' }", "cassette: 2\nrules: []",
    "rules: 7", "[", "\u{0}",
  ])
  func `what is no cassette is refused`(text: String) throws {
    do {
      let (read, diagnostics) = try readBack(text)
      // What the form of the file forbids is said with its place.
      #expect(read == nil)
      #expect(diagnostics.contains { $0.severity == .error })
    } catch let error as ScriptError {
      #expect(!error.message.isEmpty)
    }
  }
}

/// SplitMix64.
private struct SystemlessRandom: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
