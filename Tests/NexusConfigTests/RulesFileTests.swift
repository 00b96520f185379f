// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusConfig
import NexusCore
import NexusDiagnostics
import NexusGates
import Testing

struct RulesFileTests {
  private func read(_ text: String) -> RulesFile.Reading { RulesFile.read(SourceFile(name: "rules.yaml", text: text)) }

  private func said(_ diagnostics: [Diagnostic]) -> [String] {
    diagnostics.map { "\($0.location?.line ?? 0):\($0.location?.column ?? 0) \($0.code)" }
  }

  @Test func `a list of rules is read, alone or under its key`() throws {
    let rules = """
      - id: cap
        when: has(output.total)
        expr: "output.total <= 10.0"
        messageExpr: "'total ' + string(output.total)"
        path: /total
        onFail: retry
      - { id: note, expr: has(output.note), message: there is no note }

      """
    let file = try #require(read(rules).file)
    #expect(
      file.rules == [
        GateRule(
          id: "cap", expression: "output.total <= 10.0", precondition: "has(output.total)",
          messageExpression: "'total ' + string(output.total)", path: "/total", onFail: .retry),
        GateRule(id: "note", expression: "has(output.note)", message: "there is no note"),
      ])
    let indented = rules.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
    #expect(read("rules:\n" + indented).file?.rules == file.rules)
  }

  @Test(arguments: [
    ("", ["0:0 NX-GAT-058"]),
    ("[]", ["1:1 NX-GAT-058"]),
    ("- {id: a, expr: 'true'}\n---\n- {id: b, expr: 'true'}\n", ["3:1 NX-GAT-058"]),
    ("- {id: a, expr: 'true'}\n- {id: a, expr: 'true'}\n", ["2:8 NX-CFG-201"]),
    ("- {id: a}\n", ["1:3 NX-CFG-102"]),
    ("- {id: a, expr: 'true', path: total}\n", ["1:31 NX-GAT-058"]),
    ("- {id: a, expr: 'true', onFail: pass}\n", ["1:33 NX-CFG-012"]),
    ("- {id: a, expression: 'true'}\n", ["1:11 NX-CFG-107", "1:3 NX-CFG-102"]),
    ("- {id: a, expr: 'true'\n", ["2:1 NX-CFG-005"]),
  ])
  func `mistakes are told with their places`(_ text: String, _ expected: [String]) {
    let reading = read(text)
    #expect(reading.file == nil)
    #expect(said(reading.diagnostics) == expected, "\(reading.diagnostics)")
  }

  @Test func `a dollar sign is no variable here`() {
    #expect(read("- {id: a, expr: \"output == '${HOME}'\"}").file?.rules.first?.expression == "output == '${HOME}'")
  }

  @Test func `a mistake in an expression is shown where it stands`() throws {
    let file = try #require(
      read("- id: a\n  expr: output.total > nobody\n- id: b\n  expr: \"1 +\"\n- id: c\n  expr: |\n    true &&\n    2\n")
        .file)
    var definition = Validator.Definition()
    definition.rules = file.rules
    let problems = try #require(throws: GateRuleProblems.self) { try Validator(definition) }
    let diagnostics = file.diagnostics(of: problems)
    #expect(said(diagnostics) == ["2:24 NX-GAT-059", "4:13 NX-GAT-059", "6:9 NX-GAT-059"])
    #expect(diagnostics.first?.message.contains("`expr` of `a`") == true)
  }

  @Test func `more rules than the limit are refused`() {
    let text = (0...RulesFile.maxRules).map { "- {id: r\($0), expr: 'true'}\n" }.joined()
    #expect(said(read(text).diagnostics) == ["201:3 NX-GAT-058"])
  }
}
