// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

struct ValueTemplateTests {
  @Test(
    arguments: [
      ("plain", "plain"), ("", ""), (3, 3), (nil, nil), (true, true), ([], []), ([:], [:]),
      (
        "{{ run.input }}",
        ["topic": "sagas", "n": 3, "dry": false, "odd key": "k", "nothing": nil, "deep": ["a": [[1, 2], [3]]]]
      ),
      ("{{run.input.n}}", 3), ("{{\n run.input.dry \t}}", false), ("{{ run.input.nothing }}", nil),
      ("{{ steps.plan.output.titles }}", ["one", "two"]),
      (" {{ run.input.n }}", " 3"), ("n={{ run.input.n }}!", "n=3!"), ("{{ run.input.n }}{{ run.input.n }}", "33"),
      ("{{ run.input.topic }}: {{ steps.plan.output.titles }}", "sagas: [\"one\",\"two\"]"),
      ("a {{ run.input.nothing }} b", "a null b"), ("{{ item }}/{{ index }}", "{\"id\":7}/2"),
      ("{{ \"{{\" }}", "{{"), ("{{ '{{' }} run.input }}", "{{ run.input }}"), ("{{ '}}' }}", "}}"),
      ("}} { } {", "}} { } {"), ("${{ run.input.n }}", "$3"), ("{\"a\": {\"b\": 1}}", "{\"a\": {\"b\": 1}}"),
      ("{{ run.input['odd key'] }}", "k"),
      (["{{ run.input.n }}", "x"], [3, "x"]), (["a": ["b": "{{ index }}"], "c": 1], ["a": ["b": 2], "c": 1]),
      (["{{ index }}": "x"], ["{{ index }}": "x"]), (["a": "{{ '{{' }}"], ["a": "{{"]), (["{{ '{{' }}"], ["{{"]),
    ] as [(JSONValue, JSONValue)]) func `a template gives its value`(_ source: JSONValue, _ value: JSONValue) throws
  {
    let template = try ValueTemplate(parsing: source)
    #expect(try template.value(in: TableScope.run) == value)
    #expect(template.source == source)
  }

  @Test func `what a value says is never read for references`() throws {
    let scope = TableScope([.runInput: "{{ run.id }}", .runID: "run_1"])
    for (source, value) in [("{{ run.input }}", "{{ run.id }}"), ("x {{ run.input }}", "x {{ run.id }}")] {
      #expect(try ValueTemplate(parsing: .string(source)).value(in: scope) == .string(value))
    }
  }

  @Test(
    arguments: [
      ("{{", 0), ("a {{ run.input", 2), ("{{ }}", 3), ("{{ run.inpt }}", 7), ("{{ run.input } }", 13),
      ("{{ run.input | upper }}", 13), ("{{ 'a }}", 3), ("{{ 3 }}", 3), ("{{ run.input }} {{ x }}", 19),
      ("{{{ run.id }}}", 2),
    ]) func `what is no template is refused where it goes wrong`(_ text: String, _ offset: Int)
  {
    let error = #expect(throws: ValueSyntaxError.self) { _ = try ValueTemplate(parsing: ["a": [.string(text)]]) }
    #expect(error?.offset == offset, "\(error?.description ?? "")")
    #expect(error?.text == text)
  }

  @Test func `a template lists what it refers to`() throws {
    let template = try ValueTemplate(parsing: ["a": "{{ item }} {{ steps.b.output.x }}", "c": ["{{ item }}", 1]])
    #expect(template.references.map(\.text) == ["item", "steps.b.output.x", "item"])
    #expect(try ValueTemplate(parsing: "none {{ 'at' }} all").references == [])
  }

  @Test func `a missing member is an error that is never retried`() throws {
    let template = try ValueTemplate(parsing: ["a": "x {{ run.input.missing }}"])
    let error = #expect(throws: RunError.self) { _ = try template.value(in: TableScope.run) }
    #expect(error?.code == "NX-RUN-020")
    #expect(error?.isRetryable == false)
  }

  @Test func `what is read is bounded`() throws {
    let longest = "{{ item }}" + String(repeating: "x", count: ValueLimits.maxTextBytes - 10)
    #expect(try ValueTemplate(parsing: .string(longest)).references.count == 1)
    #expect(throws: ValueSyntaxError.self) { _ = try ValueTemplate(parsing: .string(longest + "x")) }
    let plain = String(repeating: "x", count: ValueLimits.maxTextBytes)
    #expect(try ValueTemplate(parsing: .string(plain)).references == [])
    #expect(throws: ValueSyntaxError.self) { _ = try ValueTemplate(parsing: .string(plain + "x")) }

    let many = String(repeating: "{{item}}", count: ValueLimits.maxReferences)
    #expect(try ValueTemplate(parsing: .string(many)).references.count == ValueLimits.maxReferences)
    #expect(throws: ValueSyntaxError.self) { _ = try ValueTemplate(parsing: [.string(many), "{{item}}"]) }

    var deep: JSONValue = "{{ item }}"
    for _ in 0..<ValueLimits.maxDepth { deep = [deep] }
    #expect(try ValueTemplate(parsing: deep).references.count == 1)
    #expect(throws: ValueSyntaxError.self) { _ = try ValueTemplate(parsing: ["a": deep]) }
  }

  @Test func `what comes out is bounded`() throws {
    let large = JSONValue.string(String(repeating: "x", count: ValueLimits.maxValueBytes / 3))
    let scope = TableScope([.item: large, .runInput: [large]])
    for (source, isTooLarge) in [
      ("{{item}} {{item}}", false), ("{{item}} {{item}} {{item}}", true),
      ("{{run.input}}{{item}}", false),
    ] {
      let template = try ValueTemplate(parsing: .string(source))
      let list = try ValueTemplate(parsing: .array(source.split(separator: " ").map { .string(String($0)) }))
      for template in [template, list] {
        if isTooLarge {
          let error = #expect(throws: RunError.self) { _ = try template.value(in: scope) }
          #expect(error?.code == "NX-RUN-022")
          #expect(error?.isRetryable == false)
        } else {
          _ = try template.value(in: scope)
        }
      }
    }
  }

  @Test func `a value that is too deep to be read back is refused`() throws {
    var deep: JSONValue = 1
    for _ in 0..<ValueLimits.maxValueDepth { deep = [deep] }
    let scope = TableScope([.item: deep])
    #expect(try ValueTemplate(parsing: "{{ item }}").value(in: scope) == deep)
    let template = try ValueTemplate(parsing: ["{{ item }}"])
    let error = #expect(throws: RunError.self) { _ = try template.value(in: scope) }
    #expect(error?.code == "NX-RUN-022")
  }

  @Test(arguments: 0..<40) func `no text traps, and what is read gives a value or an error`(_ seed: UInt64) {
    var random = SeededNumbers(seed)
    let tokens = [
      "{{", "}}", "{", "}", " ", "run", "input", "steps", "plan", "output", ".", "[", "]", "0", "'", "\"", "\\", "item",
      "index", "x", "é", "\u{0}", "\\u00e9", "🦉", "$", "\n", "{{ run.input.n }}", "{{ item }}",
    ]
    for _ in 0..<500 {
      let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in tokens.randomElement(using: &random) ?? "" }
        .joined()
      do throws(ValueSyntaxError) {
        let template = try ValueTemplate(parsing: .string(text))
        do throws(RunError) {
          let value = try template.value(in: TableScope.run)
          // Without references, a text stands for itself.
          if template.references.isEmpty, !text.contains("{{") { #expect(value == .string(text)) }
        } catch {
          #expect(error.code == "NX-RUN-020")
          #expect(!template.references.isEmpty)
        }
      } catch {
        #expect(error.text == text)
        #expect((0...text.unicodeScalars.count).contains(error.offset))
      }
    }
  }
}
