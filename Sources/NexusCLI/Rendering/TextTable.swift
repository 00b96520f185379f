// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusDiagnostics

/// A table of plain text: columns as wide as their widest cell, two spaces between them.
struct TextTable {
  struct Cell {
    let text: String
    /// What is written, with colours; as wide as `text`.
    let styled: String
  }

  private let header: [String]
  /// Columns whose cells stand at the right, which is where numbers are compared.
  private let rightAligned: Set<Int>
  private var rows: [Row] = []

  private struct Row {
    let cells: [Cell]
    /// A line of its own below the row.
    var note: String?
  }

  init(_ header: [String], rightAligned: Set<Int> = []) {
    self.header = header
    self.rightAligned = rightAligned
  }

  /// Cells are made safe here: whatever an agent calls itself stays text.
  ///
  /// - Parameters:
  ///   - cells: one for each column.
  ///   - note: what is said below the row, where there is something to say.
  ///   - style: colours a cell, by its column.
  mutating func add(_ cells: [String], note: String? = nil, style: (Int, String) -> String = { $1 }) {
    let safe = cells.enumerated().map { index, cell in
      let safe = TerminalText.line(cell, limit: 120)
      return Cell(text: safe, styled: style(index, safe))
    }
    rows.append(Row(cells: safe, note: note.map { TerminalText.line($0, limit: 120) }))
  }

  var isEmpty: Bool { rows.isEmpty }

  /// The lines of the table.
  ///
  /// - Parameters:
  ///   - style: The colours.
  ///   - width: The columns of the terminal; nil where nothing has to fit.
  ///   - dropping: The columns of the table that are left out where they do not fit, the first one first.
  /// - Returns: The lines, joined.
  func render(_ style: Style, width: Int? = nil, dropping: [Int] = []) -> String {
    guard let width else { return rendered(style) }
    var table = self
    var left = Array(header.indices)
    for column in dropping where table.width > width {
      guard let place = left.firstIndex(of: column) else { continue }
      left.remove(at: place)
      table = without(columnsOtherThan: left)
    }
    return table.rendered(style, noteWidth: max(20, width - 4))
  }

  private func without(columnsOtherThan kept: [Int]) -> TextTable {
    let right = Set(kept.indices.filter { rightAligned.contains(kept[$0]) })
    var table = TextTable(kept.map { header[$0] }, rightAligned: right)
    table.rows = rows.map { row in Row(cells: kept.map { row.cells[$0] }, note: row.note) }
    return table
  }

  private var width: Int { widths.reduce(0, +) + 2 * (header.count - 1) }

  private var widths: [Int] {
    var widths = header.map(DisplayText.width(of:))
    for row in rows {
      for (index, cell) in row.cells.enumerated() {
        widths[index] = max(widths[index], DisplayText.width(of: cell.text))
      }
    }
    return widths
  }

  private func rendered(_ style: Style, noteWidth: Int = 120) -> String {
    let titles = header.map { Cell(text: $0, styled: style.quiet($0)) }
    let widths = widths
    let lines = rows.flatMap { row in
      [line(row.cells, widths)]
        + (row.note.map { ["  " + style.quiet("└ " + TerminalText.line($0, limit: noteWidth))] } ?? [])
    }
    return ([line(titles, widths)] + lines).joined(separator: "\n")
  }

  private func line(_ row: [Cell], _ widths: [Int]) -> String {
    var line = ""
    // Empty cells at the end leave no blanks behind.
    let count = (row.lastIndex { !$0.text.isEmpty } ?? 0) + 1
    for (index, cell) in row.prefix(count).enumerated() {
      let padding = String(repeating: " ", count: max(0, widths[index] - DisplayText.width(of: cell.text)))
      let isLast = index == count - 1
      line += rightAligned.contains(index) ? padding + cell.styled : isLast ? cell.styled : cell.styled + padding
      if !isLast { line += "  " }
    }
    return line
  }
}

extension String {
  /// Followed by blanks until it is that many columns wide, or preceded by them.
  func padding(to width: Int, right: Bool = false) -> String {
    let blanks = String(repeating: " ", count: max(0, width - DisplayText.width(of: self)))
    return right ? blanks + self : self + blanks
  }
}
