// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusNode

extension AgentTies {
  static func find(_ agent: AgentName, _ project: ProjectFolder, _ console: Console) async throws -> AgentTies {
    let plan = project.load().sketch
    return try await NodeAccess.reading(project, warning: console) { operations in
      try await find(agent, in: plan, operations)
    }
  }

  func say(on console: Console, isForced: Bool) {
    for sentence in sentences() { console.say("  \(TerminalText.line(sentence))") }
    if let supervisor {
      console.say("  the supervisor \(TerminalText.line(supervisor.text)) lists it: take it out of its `children`")
    }
    if !isForced, !isEmpty { console.say("  it would be refused without `--force`") }
  }
}
