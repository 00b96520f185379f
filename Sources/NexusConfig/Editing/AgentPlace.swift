// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusDiagnostics

/// Where an agent stands in the text: the lines that belong to it alone.
struct AgentPlace {
  var name: String
  var location: SourceLocation
  /// From 0; nil if it shares its lines with something else.
  var lines: Range<Int>?
}

extension AgentPlace {
  /// What the documents must mean once an agent is added: the first place of agents takes it, or the last document.
  static func adding(_ name: String, _ body: Meaning, to documents: [Meaning]) -> [Meaning] {
    var result = documents
    if let index = documents.firstIndex(where: { $0["agents"] != nil }) {
      result[index] = changing(documents[index]) { agents in
        switch agents {
        case .list(let items) where !items.isEmpty: .list(items + [listed(name, body)])
        case .map(let members): .map(members + [.init(key: name, value: body)])
        default: .map([.init(key: name, value: body)])
        }
      }
      return result
    }
    let agents = Meaning.Member(key: "agents", value: .map([.init(key: name, value: body)]))
    guard let last = documents.last else { return [.map([agents])] }
    if case .map(let members) = last {
      result[result.count - 1] = .map(members + [agents])
    } else {
      result[result.count - 1] = .map([agents])
    }
    return result
  }

  /// What the documents must mean once an agent is gone.
  static func removing(_ name: String, from documents: [Meaning]) -> [Meaning] {
    documents.map { document in
      let changed = changing(document) { agents in
        switch agents {
        case .list(let items): emptied(.list(items.filter { $0["name"] != .text(name) }))
        case .map(let members): emptied(.map(members.filter { $0.key != name }))
        default: agents
        }
      }
      guard case .map(let members) = changed else { return changed }
      return emptied(.map(members.filter { $0.key != "agent" || $0.value["name"] != .text(name) }))
    }
  }

  private static func emptied(_ meaning: Meaning) -> Meaning { meaning.isEmpty ? .nothing : meaning }

  private static func listed(_ name: String, _ body: Meaning) -> Meaning {
    guard case .map(let members) = body else { return body }
    return .map([.init(key: "name", value: .text(name))] + members)
  }

  private static func changing(_ document: Meaning, _ change: (Meaning) -> Meaning) -> Meaning {
    guard case .map(let members) = document else { return document }
    return .map(members.map { $0.key == "agents" ? .init(key: $0.key, value: change($0.value)) : $0 })
  }
}

extension Meaning {
  /// A name as it is compared: however it was quoted.
  static func text(_ text: String) -> Meaning { .scalar(text, isPlain: true) }
}
