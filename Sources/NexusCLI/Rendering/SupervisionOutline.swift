// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
internal import NexusCore

/// The tree of supervisors line by line, each with the strokes that lead to it.
///
///     root
///     ├─ scout
///     └─ ingest
///        ├─ fetcher
///        └─ indexer
package enum SupervisionOutline {
  package struct Item: Sendable {
    package enum Content: Sendable {
      case supervisor(SupervisorStatus)
      /// An agent, or an attempt of a task.
      case child(SupervisedChild)
    }

    package var strokes: String
    package var content: Content
  }

  package static func items(_ report: SupervisionReport) -> [Item] {
    var outline = Drawing(report)
    return outline.items()
  }

  private struct Drawing {
    private var waiting: [SupervisorName: SupervisorStatus]
    private let order: [SupervisorName]
    private var lines: [Item] = []

    init(_ report: SupervisionReport) {
      waiting = Dictionary(report.supervisors.map { ($0.name, $0) }) { first, _ in first }
      order = report.supervisors.map(\.name)
    }

    mutating func items() -> [Item] {
      // The root comes first; what no supervisor lists would otherwise not be seen at all.
      for name in order {
        if let top = waiting.removeValue(forKey: name) { draw(top, at: "", below: "") }
      }
      return lines
    }

    /// Each supervisor is drawn once, so that no report can lead around in a circle.
    private mutating func draw(_ supervisor: SupervisorStatus, at strokes: String, below margin: String) {
      lines.append(Item(strokes: strokes, content: .supervisor(supervisor)))
      let children = supervisor.children.filter { $0.kind != "attempt" }
      let names = Set(children.map(\.name))
      let orphans = supervisor.children.filter { $0.kind == "attempt" && !names.contains($0.name) }
      let all = children + orphans
      for (index, child) in all.enumerated() {
        let isLast = index == all.count - 1
        let (strokes, below) = (margin + (isLast ? "└─ " : "├─ "), margin + (isLast ? "   " : "│  "))
        if child.kind == "supervisor", let inner = waiting.removeValue(forKey: SupervisorName(child.name)) {
          draw(inner, at: strokes, below: below)
          continue
        }
        lines.append(Item(strokes: strokes, content: .child(child)))
        guard child.kind == "agent" else { continue }
        let attempts = supervisor.children.filter { $0.kind == "attempt" && $0.name == child.name }
        for (index, attempt) in attempts.enumerated() {
          lines.append(Item(strokes: below + (index == attempts.count - 1 ? "└─ " : "├─ "), content: .child(attempt)))
        }
      }
    }
  }
}

extension SupervisedChild {
  /// As it is called in a list: an attempt by its run.
  package var shownName: String { kind == "attempt" ? run?.text ?? name : name }
}
