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
  private var rows: [[Cell]] = []

  init(_ header: [String], rightAligned: Set<Int> = []) {
    self.header = header
    self.rightAligned = rightAligned
  }

  /// Cells are made safe here: whatever an agent calls itself stays text.
  mutating func add(_ cells: [String], style: (Int, String) -> String = { $1 }) {
    rows.append(
      cells.enumerated().map { index, cell in
        let safe = TerminalText.line(cell, limit: 120)
        return Cell(text: safe, styled: style(index, safe))
      })
  }

  var isEmpty: Bool { rows.isEmpty }

  func render(_ style: Style) -> String {
    let titles = header.map { Cell(text: $0, styled: style.quiet($0)) }
    var widths = header.map(DisplayText.width(of:))
    for row in rows {
      for (index, cell) in row.enumerated() { widths[index] = max(widths[index], DisplayText.width(of: cell.text)) }
    }
    return ([titles] + rows).map { row in line(row, widths) }.joined(separator: "\n")
  }

  private func line(_ row: [Cell], _ widths: [Int]) -> String {
    var line = ""
    for (index, cell) in row.enumerated() {
      let padding = String(repeating: " ", count: max(0, widths[index] - DisplayText.width(of: cell.text)))
      let isLast = index == row.count - 1
      line += rightAligned.contains(index) ? padding + cell.styled : isLast ? cell.styled : cell.styled + padding
      if !isLast { line += "  " }
    }
    return line
  }
}
