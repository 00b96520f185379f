// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// Bodies of every kind of request, broken in every place: an error or a bound, never a trap.
struct MangledRequestTests {
  private static let bodies: [(ModelAPI, String)] = [
    (.chat, #"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"é"}]}],"n":2,"max_tokens":9}"#),
    (
      .responses,
      #"{"model":"m","input":[{"type":"function_call_output","output":[{"type":"input_image","image_url":"data:image/png;base64,AA"}]}],"tools":[{"type":"web_search"}],"max_tool_calls":2,"max_output_tokens":null}"#
    ),
    (.embeddings, #"{"model":"m","input":[[1,2],[3]],"dimensions":8}"#),
    (
      .messages,
      #"{"model":"m","max_tokens":9,"thinking":{"budget_tokens":4},"tools":[{"type":"web_search_1","max_uses":2}],"messages":[{"content":[{"type":"image","source":{"data":"AA"}}]}]}"#
    ),
    (
      .generateContent,
      #"{"contents":[{"parts":[{"inlineData":{"mimeType":"audio/mp3","data":"AA"}}]}],"generationConfig":{"maxOutputTokens":9,"responseModalities":["AUDIO"]}}"#
    ),
  ]

  /// Reads it and, if it can be read, asks for it under a hard budget.
  private func attempt(_ api: ModelAPI, _ bytes: [UInt8]) {
    let path = api.dialect == .gemini ? RequestPath(model: "m", isStream: true) : .plain
    guard let read = try? ModelRequest.read(api, bytes.span, path: path) else { return }
    let price = PriceSpec(model: "scripted", input: PicoUSDPerToken(1_000_000), output: PicoUSDPerToken(2_000_000))
    let ledger = Ledger(plan([budget(dollars: 1_000_000_000)], prices: [price]))
    var asked = request("f")
    asked.facts = read.facts
    let admission = ledger.admit(asked)
    #expect(admission.hold != nil || admission.refusal != nil)
    #expect(admission.hold?.bound.cost ?? .zero >= .zero)
  }

  @Test(arguments: 0..<5) func `cut anywhere`(index: Int) {
    let (api, body) = Self.bodies[index]
    let bytes = Array(body.utf8)
    for length in 0...bytes.count { attempt(api, Array(bytes[..<length])) }
  }

  @Test(arguments: 0..<5) func `with any byte another one`(index: Int) {
    let (api, body) = Self.bodies[index]
    let bytes = Array(body.utf8)
    for place in bytes.indices {
      for byte in Array("\"{}[]:,0-9n\\ \u{0}".utf8) + [0xFF, 0xC3] {
        var mangled = bytes
        mangled[place] = byte
        attempt(api, mangled)
      }
    }
  }

  @Test(arguments: 0..<5) func `with values of any other kind`(index: Int) throws {
    let (api, body) = Self.bodies[index]
    let object = try #require(try JSONValue(parsing: body).objectValue)
    let values: [JSONValue] = [
      nil, true, 0, -1, .int(.max), .int(.min), .double(1e300), "", "x", [], [:], [[]], [[[:]]], [nil], [["type": nil]],
      [["content": [["type": "text"], 5]]], [["parts": [["inlineData": []]]]], ["type": ["type": []]],
    ]
    for key in object.keys {
      for value in values {
        var changed = object
        changed[key] = value
        attempt(api, JSONValue.object(changed).encoded())
      }
    }
  }

  @Test func `nested deeper than anybody writes`() {
    for (api, _) in Self.bodies {
      for (open, close) in [("[", "]"), ("{\"parts\":", "}"), ("{\"type\":\"tool_result\",\"content\":[", "]}")] {
        let nest = String(repeating: open, count: 5000) + "1" + String(repeating: close, count: 5000)
        for key in ["messages", "input", "contents", "tools", "generationConfig"] {
          attempt(api, Array("{\"model\":\"m\",\"\(key)\":\(nest)}".utf8))
        }
      }
    }
  }
}
