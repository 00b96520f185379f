// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusGates
import Testing

/// What an evaluation does it pays for: an agent chooses its output, and must not choose the effort.
struct RuleEffortTests {
  private static let length = 20_000
  private static let text = String(repeating: "a", count: length)

  private func outcome(_ rule: String, _ output: JSONValue) throws -> CompiledRule.Outcome {
    let environment = RuleEnvironment(variables: [RuleVariable("output")])
    return try CompiledRule(rule, in: environment).evaluate(
      RuleBindings(environment, ["output": try RuleValue(output)]))
  }

  @Test(arguments: ["int", "uint", "double", "bool", "timestamp", "duration"])
  func `a long text that is converted is paid for, and not repeated in the fault`(function: String) throws {
    let outcome = try outcome("\(function)(output) == \(function)(output)", .string(Self.text))
    #expect(outcome.cost >= Self.length / 10)
    guard case .failure(let fault) = outcome.result else { return #expect(Bool(false), "it has a value") }
    #expect(fault.message.utf8.count < 300)
  }

  @Test(arguments: [
    "output.key in output.map", "has(output.map[output.key].x)", "output.map == output.map",
    "{output.key: 1}.size() == 1", "[1].transformMapEntry(i, v, {output.key: v}).size() == 1",
  ])
  func `a long key that is looked up is paid for`(rule: String) throws {
    var map = JSONObject()
    for number in 0..<20 { map["k\(number)"] = .int(Int64(number)) }
    map[Self.text] = ["x": 1]
    #expect(try outcome(rule, ["key": .string(Self.text), "map": .object(map)]).cost >= Self.length / 10)
  }

  @Test func `a machine that a short pattern makes long is paid for`() throws {
    let literal = try outcome("output.matches('^(.{0,900}x)?$')", .string(Self.text))
    let dynamic = try outcome("output.t.matches(output.p)", ["t": .string(Self.text), "p": "^(.{0,900}x)?$"])
    for outcome in [literal, dynamic] {
      guard case .failure(let fault) = outcome.result else { return #expect(Bool(false), "it has a value") }
      #expect(fault.kind == .costExceeded)
    }
    #expect(try outcome("output.matches('^a+$')", .string(Self.text)).cost < 10_000)
  }

  @Test func `the digits of a number are paid for, and are those of the number`() throws {
    #expect(try outcome("'%f'.format([output]) != ''", .double(.leastNonzeroMagnitude)).cost >= 100)
    var random = SplitMix(seed: 3)
    for _ in 0..<300 {
      let number = Double(bitPattern: random.next())
      guard number.isFinite else { continue }
      for clause in ["%.0f", "%.20f", "%.100f", "%.3e", "%.60e"] {
        let outcome = try outcome("'\(clause)'.format([output])", .double(number))
        guard case .success(.string(let text)) = outcome.result else { return #expect(Bool(false), "\(outcome)") }
        #expect(text == String(format: clause, number))
      }
    }
  }
}
