// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The model calls of a run, in a file: a script of `local/scripted` that holds recorded calls and nothing else.
package struct Cassette: Sendable, Hashable {
  /// How the first line of every cassette begins, by which a file is known to be one.
  package static let mark = "# A cassette of "
  /// The form of the file.
  package static let version: Int64 = 1

  /// What was run.
  package var name: String
  package var run: String?
  package var calls: [CassetteCall]

  package init(name: String, run: String?, calls: [CassetteCall]) {
    self.name = name
    self.run = run
    self.calls = calls
  }

  /// Reads a script that has been parsed.
  ///
  /// - Throws: `ScriptError` if it is none, or holds other rules than recorded calls.
  package init(json: JSONValue) throws(ScriptError) {
    if let version = json["cassette"], version != .int(Self.version) {
      throw ScriptError("this version reads cassettes of form \(Self.version)")
    }
    guard let rules = json.arrayValue ?? json["rules"]?.arrayValue else {
      throw ScriptError("a cassette is a list of recorded calls")
    }
    guard rules.count <= ScriptedModel.maxRules else {
      throw ScriptError("a cassette has at most \(ScriptedModel.maxRules) calls")
    }
    name = json["name"]?.stringValue ?? ""
    run = json["run"]?.stringValue
    calls = []
    for (index, rule) in rules.enumerated() {
      guard let object = rule.objectValue, object[CassetteCall.key] != nil else {
        throw ScriptError(
          "rule \(index + 1): it is not recorded; a script with other rules is played as `providers.local.script`")
      }
      calls.append(try CassetteCall(object, number: index + 1))
    }
  }

  /// The file.
  package var text: String {
    var lines: [String] = []
    lines.append("\(Self.mark)\(Self.plain(name))" + (run.map { ", run \(Self.plain($0))" } ?? ""))
    lines += [
      "# Every request of the same agent is answered from it, free and offline; one that differs is refused:",
      "#   naos run \(Self.plain(name)) --cassette THIS-FILE", "cassette: \(Self.version)",
      "name: \(CassetteText.quoted(name))",
    ]
    if let run { lines.append("run: \(CassetteText.quoted(run))") }
    lines.append(calls.isEmpty ? "rules: []" : "rules:")
    var text = lines.joined(separator: "\n") + "\n"
    for (index, call) in calls.enumerated() { text += Self.rule(call, index + 1) }
    return text
  }

  /// Words for a comment.
  private static func plain(_ text: String) -> String {
    String(decoding: text.utf8.map { (0x21...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }

  private static func rule(_ call: CassetteCall, _ number: Int) -> String {
    var text = "# call:\(number)" + (call.isRedacted ? ", without the secret that stood in it" : "") + "\n"
    text += "- recorded: \(call.api.rawValue)\n"
    func add(_ key: String, _ value: String) { text += "  \(key): \(value)\n" }
    add("path", CassetteText.quoted(call.path))
    if let step = call.step { add("step", CassetteText.quoted(step)) }
    if !call.model.isEmpty { add("model", CassetteText.quoted(call.model)) }
    if let request = call.request.flatMap({ String(validating: $0, as: UTF8.self) }) {
      add("request", CassetteText.block(request))
    } else if let digest = call.digest {
      add("digest", CassetteText.quoted(digest))
    }
    add("status", String(call.status))
    if !call.headers.isEmpty {
      let fields = call.headers.map { "\(CassetteText.quoted($0.name)): \(CassetteText.quoted($0.value))" }
      add("headers", "{ \(fields.joined(separator: ", ")) }")
    }
    if call.isStream { add("stream", "true") }
    if let usage = call.usage {
      add("usage", "{ inputTokens: \(usage.inputTokens), outputTokens: \(usage.outputTokens) }")
    }
    if let body = String(validating: call.body, as: UTF8.self) {
      add("body", CassetteText.block(body))
    } else {
      add("bodyHex", CassetteText.quoted(Hexadecimal.encode(call.body)))
    }
    return text
  }
}

/// Texts in YAML, so that every byte of them comes back.
enum CassetteText {
  /// In double quotes, whatever is in it.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where isPlain(scalar): result.unicodeScalars.append(scalar)
      default:
        let digits = String(scalar.value, radix: 16)
        let width = scalar.value <= 0xFFFF ? 4 : 8
        result += (width == 4 ? "\\u" : "\\U") + String(repeating: "0", count: width - digits.utf8.count) + digits
      }
    }
    return result + "\""
  }

  /// Line by line where that keeps every byte, else in quotes; it stands below a key two columns in.
  static func block(_ text: String) -> String {
    let lines = text.split(separator: UInt8(ascii: "\n"))
    let isSafe =
      text.unicodeScalars.allSatisfy { $0 == "\n" || isPlain($0) }
      && lines.contains { !$0.isEmpty } && lines.allSatisfy { $0.isEmpty || $0.contains { $0 != 0x20 } }
    guard isSafe else { return quoted(text) }
    // The last line has no end of its own unless it is told to keep it.
    let endsLine = text.utf8.last == UInt8(ascii: "\n")
    let shown = endsLine ? lines.dropLast() : lines[...]
    let body = shown.map { $0.isEmpty ? "" : "    " + String(decoding: $0, as: UTF8.self) }
    return "|2" + (endsLine ? "+" : "-") + "\n" + body.joined(separator: "\n")
  }

  /// What YAML takes as it is, and neither as a break of the line nor as no character at all.
  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF: true
    default: false
    }
  }
}

extension String {
  /// The lines of a text as bytes; one more than it has line feeds.
  fileprivate func split(separator: UInt8) -> [ArraySlice<UInt8>] {
    Array(utf8).split(separator: separator, omittingEmptySubsequences: false)
  }
}
