// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
package import NexusCore
internal import NexusDiagnostics

/// How large a terminal is, in characters.
package struct ScreenSize: Sendable, Hashable {
  package var rows: Int
  package var columns: Int
  package init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
  }
}

/// Turns what `naos top` knows into lines: the same model and size always give the same lines.
package enum TopLayout {
  /// The lines above and below the rows.
  private static let head = 4
  private static let foot = 1

  /// How many rows a screen of that size has room for.
  package static func pageRows(_ size: ScreenSize) -> Int { max(1, size.rows - head - foot) }

  /// At most as many lines as the screen has, none wider than it.
  package static func frame(_ model: TopModel, size: ScreenSize, now: WallTime, style: Style) -> [String] {
    guard size.rows > head + foot, size.columns >= 20 else {
      return [clipped("naos top: the terminal is too small", size.columns)]
    }
    let room = pageRows(size)
    var lines = summary(model, now).map { clipped($0, size.columns) }
    lines[0] = style.strong(lines[0])
    if model.trouble != nil { lines[1] = style.bad(lines[1]) }
    lines.append("")
    let table = TopColumns(model.rows, width: size.columns, now: now)
    lines.append(style.quiet(table.header))
    // The selected row stays in view.
    let selection = model.selection ?? 0
    let first = max(0, min(selection - room / 2, model.rows.count - room))
    for (index, row) in model.rows.enumerated().dropFirst(first).prefix(room) {
      lines.append(table.line(row, isSelected: index == selection, style: style))
    }
    if model.rows.isEmpty {
      lines.append(clipped(model.filter.isEmpty ? "  nothing to show" : "  no name matches", size.columns))
    }
    while lines.count < size.rows - foot { lines.append("") }
    lines.append(footer(model, size.columns, style))
    return lines
  }

  /// All rows, for whoever is no terminal.
  package static func page(_ model: TopModel, width: Int, now: WallTime, style: Style) -> String {
    let table = TopColumns(model.rows, width: width, now: now)
    let lines = summary(model, now) + ["", table.header]
    return (lines + model.rows.map { table.line($0, isSelected: false, style: style) }).map { line in
      String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }

  private static func summary(_ model: TopModel, _ now: WallTime) -> [String] {
    guard let status = model.snapshot?.status else { return ["naos top", model.trouble ?? "asking the node"] }
    let node = status.node
    var first = ["naos top", node.project]
    if node.isRunning {
      first.append("node pid \(node.pid.map(String.init) ?? "?")")
      if let start = node.startedAt { first.append("up \(Quantities.age(now - start))") }
      if let dashboard = node.dashboard { first.append(dashboard) }
    } else {
      first.append("no node is running")
    }
    var second = ["\(status.agents.count) agent\(status.agents.count == 1 ? "" : "s")"]
    for state in AgentState.allCases where state != .idle {
      let count = status.agents.count { $0.state == state }
      if count > 0 { second.append("\(count) \(state.rawValue)") }
    }
    let queued = status.runs.count(of: "queued")
    if queued > 0 { second.append("\(queued) run\(queued == 1 ? "" : "s") queued") }
    let tokens = status.agents.reduce(TokenCount.zero) { $0 + $1.tokens }
    let cost = status.agents.reduce(NanoUSD.zero) { $0 + $1.cost }
    second.append("\(Quantities.short(tokens.value)) tokens, \(Quantities.money(cost))")
    if let trouble = model.trouble { second = [trouble] }
    return [first, second].map { $0.map { TerminalText.line($0) }.joined(separator: " · ") }
  }

  private static func footer(_ model: TopModel, _ width: Int, _ style: Style) -> String {
    switch model.mode {
    case .filtering: return clipped("filter: \(TerminalText.line(model.filter))▏  enter keeps it, esc clears it", width)
    case .confirming(let row):
      return style.warning(style.strong(clipped("stop \(TerminalText.line(row.word))? [y/N]", width)))
    case .browsing: break
    }
    if let message = model.message { return style.strong(clipped(TerminalText.line(message), width)) }
    var parts = ["q quit", "↑↓ select", "x stop"]
    parts.append("s sort: \(model.sort.rawValue)")
    parts.append(model.filter.isEmpty ? "/ filter" : "/ filter: \(TerminalText.line(model.filter)) (esc clears)")
    parts.append(model.isPaused ? "space go on" : "space pause")
    let line = clipped(
      (model.isPaused ? ["PAUSED"] : []).joined() + (model.isPaused ? "  " : "")
        + parts.joined(separator: "  "), width)
    return style.quiet(line)
  }

  /// The text on one line of that many columns.
  static func clipped(_ text: String, _ width: Int) -> String {
    guard DisplayText.width(of: text) > width else { return text }
    guard width > 1 else { return String(repeating: "…", count: max(0, width)) }
    var result = ""
    var used = 0
    for character in text {
      let more = DisplayText.width(of: String(character))
      guard used + more < width else { break }
      used += more
      result.append(character)
    }
    return result + "…"
  }
}

/// The columns of the table, as many as there is room for.
struct TopColumns {
  private enum Column: CaseIterable {
    case state, pid, restarts, tokens, cost, activity, step

    var title: String {
      switch self {
      case .state: "STATE"
      case .pid: "PID"
      case .restarts: "RESTARTS"
      case .tokens: "TOKENS"
      case .cost: "COST"
      case .activity: "ACTIVE"
      case .step: "STEP"
      }
    }

    /// As wide as what it usually holds, so that the columns stand still.
    var least: Int {
      switch self {
      case .state: 10
      case .pid, .activity: 7
      case .restarts: 14
      case .tokens, .cost: 6
      case .step: 16
      }
    }

    var isRightAligned: Bool { [.pid, .tokens, .cost].contains(self) }
  }

  /// The first to go when there is little room.
  private static let dispensable: [Column] = [.activity, .cost, .tokens, .pid, .restarts, .step, .state]
  private static let leastName = 12

  private let now: WallTime
  private let nameWidth: Int
  private let columns: [(column: Column, width: Int)]
  private let width: Int

  init(_ rows: [TopRow], width: Int, now: WallTime) {
    self.now = now
    self.width = width
    let widest = rows.map { DisplayText.width(of: $0.strokes + TerminalText.line($0.name, limit: 80)) }.max() ?? 0
    let nameWidth = min(max(widest, 4), max(Self.leastName, width * 2 / 5))
    var widths: [(column: Column, width: Int)] = Column.allCases.map { column in
      if column == .step { return (column, column.least) }
      let cells = rows.map { DisplayText.width(of: Self.text(column, $0, now)) }
      return (column, max(cells.max() ?? 0, column.least))
    }
    func needed() -> Int { 2 + nameWidth + widths.reduce(0) { $0 + 2 + $1.width } }
    for column in Self.dispensable where needed() > width { widths.removeAll { $0.column == column } }
    if let step = widths.lastIndex(where: { $0.column == .step }) {
      widths[step].width += max(0, width - needed())
    }
    columns = widths
    self.nameWidth = nameWidth
  }

  var header: String {
    line("  ", "NAME") { $0.title }
  }

  func line(_ row: TopRow, isSelected: Bool, style: Style) -> String {
    let name = row.strokes + TerminalText.line(row.name, limit: 80)
    guard !isSelected else {
      return style.inverse(line("> ", name) { Self.text($0, row, now) }.padding(to: width))
    }
    return line("  ", name) {
      Self.text($0, row, now)
    } styled: { column, text in
      column == .state ? StateLook(row.state).coloured(text, style) : text
    }
  }

  private func line(
    _ marker: String, _ name: String, cell: (Column) -> String, styled: (Column, String) -> String = { $1 }
  ) -> String {
    let start = TopLayout.clipped(marker + TopLayout.clipped(name, nameWidth).padding(to: nameWidth), width)
    return columns.reduce(start) { line, entry in
      let text = TopLayout.clipped(cell(entry.column), entry.width)
      return line + "  "
        + styled(entry.column, text.padding(to: entry.width, right: entry.column.isRightAligned))
    }
  }

  private static func text(_ column: Column, _ row: TopRow, _ now: WallTime) -> String {
    switch column {
    case .state: "\(StateLook(row.state).glyph) \(TerminalText.line(row.state, limit: 20))"
    case .pid: row.pid.map(String.init) ?? ""
    case .restarts: row.restarts.map(Quantities.restarts) ?? ""
    case .tokens: row.tokens.map { Quantities.short($0.value) } ?? ""
    case .cost: row.cost.map(Quantities.money) ?? ""
    case .activity: row.lastActivity.map { Quantities.ago($0, now: now) } ?? ""
    case .step: TerminalText.line(row.step, limit: 400)
    }
  }
}
