// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusDiagnostics

/// What the editor adds and removes by name.
enum EditedKind: Sendable {
  case agent, supervisor

  /// The key that holds them all.
  var plural: String { singular + "s" }

  /// The key of one alone, and the word for it.
  var singular: String {
    switch self {
    case .agent: "agent"
    case .supervisor: "supervisor"
    }
  }

  var withArticle: String {
    switch self {
    case .agent: "an agent"
    case .supervisor: "a supervisor"
    }
  }
}

/// Where something named stands in the text: the lines that belong to it alone.
struct NamedPlace {
  var name: String
  var location: SourceLocation
  /// From 0; nil if it shares its lines with something else.
  var lines: Range<Int>?
  /// What is said of it.
  var body: YAMLNode
  /// Where its key stands; nil for an element of a list.
  var key: YAMLNode.Mark?
}

extension NamedPlace {
  /// What the documents must mean once it is added: the first collection of its kind takes it, or the last document.
  static func adding(_ name: String, _ body: Meaning, to documents: [Meaning], _ kind: EditedKind) -> [Meaning] {
    var result = documents
    if let index = documents.firstIndex(where: { $0[kind.plural] != nil }) {
      result[index] = changing(documents[index], kind) { collection in
        switch collection {
        case .list(let items) where !items.isEmpty: .list(items + [listed(name, body)])
        case .map(let members): .map(members + [.init(key: name, value: body)])
        default: .map([.init(key: name, value: body)])
        }
      }
      return result
    }
    let collection = Meaning.Member(key: kind.plural, value: .map([.init(key: name, value: body)]))
    guard let last = documents.last else { return [.map([collection])] }
    if case .map(let members) = last {
      result[result.count - 1] = .map(members + [collection])
    } else {
      result[result.count - 1] = .map([collection])
    }
    return result
  }

  /// What the documents must mean once it is gone.
  static func removing(_ name: String, from documents: [Meaning], _ kind: EditedKind) -> [Meaning] {
    documents.map { document in
      let changed = changing(document, kind) { collection in
        switch collection {
        case .list(let items): emptied(.list(items.filter { $0["name"] != .text(name) }))
        case .map(let members): emptied(.map(members.filter { $0.key != name }))
        default: collection
        }
      }
      guard case .map(let members) = changed else { return changed }
      return emptied(.map(members.filter { $0.key != kind.singular || $0.value["name"] != .text(name) }))
    }
  }

  /// What the documents must mean once a supervisor has more children.
  static func addingChildren(_ children: [String], to name: String, in documents: [Meaning]) -> [Meaning] {
    documents.map { document in
      let changed = changing(document, .supervisor) { collection in
        switch collection {
        case .list(let items): .list(items.map { $0["name"] == .text(name) ? adopting(children, $0) : $0 })
        case .map(let members):
          .map(members.map { $0.key == name ? .init(key: name, value: adopting(children, $0.value)) : $0 })
        default: collection
        }
      }
      guard case .map(let members) = changed else { return changed }
      let kind = EditedKind.supervisor.singular
      return .map(
        members.map {
          guard $0.key == kind, $0.value["name"] == .text(name) else { return $0 }
          return .init(key: kind, value: adopting(children, $0.value))
        })
    }
  }

  private static func adopting(_ children: [String], _ supervisor: Meaning) -> Meaning {
    let new = children.map(Meaning.text)
    guard case .map(let members) = supervisor, !members.isEmpty else {
      return .map([.init(key: "children", value: .list(new))])
    }
    guard members.contains(where: { ConfigLayout.childrenKeys.contains($0.key) }) else {
      return .map(members + [.init(key: "children", value: .list(new))])
    }
    return .map(
      members.map { member in
        guard ConfigLayout.childrenKeys.contains(member.key) else { return member }
        guard case .list(let old) = member.value else { return .init(key: member.key, value: .list(new)) }
        return .init(key: member.key, value: .list(old + new))
      })
  }

  private static func emptied(_ meaning: Meaning) -> Meaning { meaning.isEmpty ? .nothing : meaning }

  private static func listed(_ name: String, _ body: Meaning) -> Meaning {
    guard case .map(let members) = body else { return body }
    return .map([.init(key: "name", value: .text(name))] + members)
  }

  private static func changing(_ document: Meaning, _ kind: EditedKind, _ change: (Meaning) -> Meaning) -> Meaning {
    guard case .map(let members) = document else { return document }
    return .map(members.map { $0.key == kind.plural ? .init(key: $0.key, value: change($0.value)) : $0 })
  }
}

extension Meaning {
  /// A name as it is compared: however it was quoted.
  static func text(_ text: String) -> Meaning { .scalar(text, isPlain: true) }
}
