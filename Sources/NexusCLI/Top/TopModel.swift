// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

/// What `naos top` shows and how it answers keys; it knows no terminal, no clock and no node.
package struct TopModel: Sendable {
  package enum Sort: String, Sendable, CaseIterable { case tree, name, state, restarts, tokens, cost, activity }

  package enum Mode: Sendable, Hashable {
    case browsing
    /// Letters go to the filter.
    case filtering
    /// Asks whether to stop it.
    case confirming(TopRow)
  }

  /// What somebody else has to do.
  package enum Command: Sendable, Hashable {
    case quit
    case suspend
    case redraw
    case stop(TopRow)
  }

  package private(set) var snapshot: TopSnapshot?
  package private(set) var sort = Sort.tree
  package private(set) var filter = ""
  package private(set) var isPaused = false
  package private(set) var mode = Mode.browsing
  /// Said in place of the keys until the next key.
  package var message: String?
  /// Why what is shown is not fresh.
  package var trouble: String?
  /// The rows that are shown, filtered and sorted.
  package private(set) var rows: [TopRow] = []
  private var selected: TopRow.Subject?
  /// How many rows one page has; the layout says.
  package var page = 10

  /// Filters are for names; more is a cat on the keyboard.
  private static let maxFilter = 64

  package init() {}

  /// Where the selected row stands among those shown.
  package var selection: Int? {
    rows.isEmpty ? nil : rows.firstIndex { $0.subject == selected } ?? 0
  }

  /// Takes what the node says now; a paused screen stays as it is.
  package mutating func take(_ snapshot: TopSnapshot) {
    guard !isPaused || self.snapshot == nil else { return }
    self.snapshot = snapshot
    arrange()
  }

  /// Answers a key.
  package mutating func take(_ key: TopKey) -> Command? {
    message = nil
    if key == .redraw { return .redraw }
    if key == .suspend { return .suspend }
    switch mode {
    case .browsing: return browse(key)
    case .filtering: type(key)
    case .confirming(let row):
      mode = .browsing
      if key == .character("y") || key == .character("Y") { return .stop(row) }
    }
    return nil
  }

  private mutating func browse(_ key: TopKey) -> Command? {
    switch key {
    case .up, .character("k"): move(by: -1)
    case .down, .character("j"): move(by: 1)
    case .pageUp: move(by: -page)
    case .pageDown: move(by: page)
    case .home, .character("g"): move(by: -rows.count)
    case .end, .character("G"): move(by: rows.count)
    case .character("q"): return .quit
    case .character("/"): mode = .filtering
    case .character("s"):
      let all = Sort.allCases
      sort = all[((all.firstIndex(of: sort) ?? 0) + 1) % all.count]
      arrange()
    case .character(" "): isPaused.toggle()
    case .character("x"): askToStop()
    case .escape:
      filter = ""
      arrange()
    default: break
    }
    return nil
  }

  private mutating func type(_ key: TopKey) {
    switch key {
    case .enter: mode = .browsing
    case .escape:
      mode = .browsing
      filter = ""
    case .backspace: _ = filter.popLast()
    case .up: move(by: -1)
    case .down: move(by: 1)
    case .character(let character) where filter.count < Self.maxFilter: filter.append(character)
    default: break
    }
    arrange()
  }

  private mutating func move(by count: Int) {
    guard let selection else { return }
    selected = rows[min(max(selection + count, 0), rows.count - 1)].subject
  }

  private mutating func askToStop() {
    guard let selection else { return }
    let row = rows[selection]
    if row.subject == .supervisor(.root) {
      message = "the root runs as long as the node: `naos down` stops it"
    } else if snapshot?.status.node.isRunning == false {
      message = "no node is running"
    } else {
      mode = .confirming(row)
    }
  }

  private mutating func arrange() {
    guard let snapshot else { return }
    let wasSelected = selection.map { rows[$0].subject }
    let all = TopRow.rows(of: snapshot)
    let matching = filter.isEmpty ? all : all.filter { $0.name.lowercased().contains(filter.lowercased()) }
    rows =
      sort == .tree
      ? matching
      : matching.enumerated().sorted { left, right in
        Self.precedes(left.element, right.element, by: sort) ?? (left.offset < right.offset)
      }.map(\.element)
    if sort != .tree || !filter.isEmpty { for index in rows.indices { rows[index].strokes = "" } }
    if let wasSelected, rows.contains(where: { $0.subject == wasSelected }) { selected = wasSelected }
  }

  /// The largest and the newest first; nil where two are equal.
  private static func precedes(_ left: TopRow, _ right: TopRow, by sort: Sort) -> Bool? {
    func larger<Value: Comparable>(_ value: (TopRow) -> Value?) -> Bool? {
      switch (value(left), value(right)) {
      case (let one?, let other?): one == other ? nil : one > other
      case (nil, nil): nil
      case (let one, _): one != nil
      }
    }
    switch sort {
    case .tree: return nil
    case .name: return left.name == right.name ? nil : left.name < right.name
    case .state: return left.state == right.state ? nil : left.state < right.state
    case .restarts: return larger { $0.restarts?.count }
    case .tokens: return larger { $0.tokens?.value }
    case .cost: return larger { $0.cost?.value }
    case .activity: return larger { $0.lastActivity }
    }
  }
}
