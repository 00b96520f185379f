// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusWasm

/// Tests that call skills by their text.
protocol SkillSuite {
  var bench: Bench { get }
  var skills: WasmSkillEngine { get }
}

extension SkillSuite {
  func end() async {
    await skills.shutDown()
    await bench.end()
  }

  func call(
    _ text: String, _ input: String = "{}", host: SkillHost = SkillHost(),
    _ change: (inout SkillLimits) -> Void = { _ in }
  ) async throws -> SkillResult {
    let path = try bench.put(text)
    var limits = SkillLimits()
    change(&limits)
    return try await skills.call(
      SkillModule(name: "x", path: path, tenant: "t"), input: Array(input.utf8), limits: limits, host: host)
  }

  func failure(
    _ text: String, _ input: String = "{}", _ change: (inout SkillLimits) -> Void = { _ in }
  ) async throws -> SkillFailure {
    do {
      let result = try await call(text, input, change)
      throw TemporaryFolder.Failure(what: "it has a result: \(result)")
    } catch let failure as SkillFailure {
      return failure
    }
  }
}
