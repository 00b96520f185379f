// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusNode

/// What agents were denied over several runs, as far as somebody had it kept: `.naos/needs.json`.
///
/// It grants nothing.
struct LearnedNeeds {
  private static let maxBytes = 1 << 20
  /// So many of an agent are kept, the oldest.
  private static let maxNeeds = 500

  private let path: String
  private(set) var agents: [String: [GrantProposal.Need]] = [:]

  init(project: String) throws(FileError) {
    path = ProjectState(project: project).directory + "/needs.json"
    guard Files.exists(path) else { return }
    let bytes = try Files.read(path, limit: Self.maxBytes)
    guard let object = (try? JSONValue(parsing: bytes))?.objectValue else { return }
    for member in object {
      agents[member.key] = member.value.arrayValue?.compactMap { GrantProposal.Need(json: $0) } ?? []
    }
  }

  mutating func learn(_ proposal: GrantProposal, of agent: String) throws(FileError) {
    agents[agent] = Array(GrantProposal(agents[agent] ?? []).joined(with: proposal.needs).needs.prefix(Self.maxNeeds))
    var object = JSONObject()
    for (agent, needs) in agents.sorted(by: { $0.key < $1.key }) { object[agent] = .array(needs.map(\.json)) }
    try Files.write(JSONValue.object(object).encoded(.pretty) + [0x0A], to: path, mode: 0o600)
  }
}
