// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

func skill(_ input: JSON) throws(SkillError) -> JSON {
  guard let markdown = input["markdown"]?.text else { throw SkillError("bad_input", "`markdown` has to be a text") }
  var blocks = Blocks()
  blocks.add(lines(of: markdown.bytes))
  return .object([.init("html", .string(String(bytes: blocks.html)))])
}

/// The lines, without their ends, with blanks for the tabs in front.
private func lines(of bytes: [UInt8]) -> [Line] {
  var lines: [Line] = []
  var start = 0
  var at = 0
  while at <= bytes.count {
    guard at == bytes.count || bytes[at] == 10 || bytes[at] == 13 else {
      at += 1
      continue
    }
    lines.append(expanded(bytes[start..<at]))
    if at + 1 < bytes.count, bytes[at] == 13, bytes[at + 1] == 10 { at += 1 }
    at += 1
    start = at
  }
  return lines
}

private func expanded(_ line: Line) -> Line {
  guard line.prefix(while: { $0 == 32 || $0 == 9 }).contains(9) else { return line }
  var result: [UInt8] = []
  for byte in line.prefix(while: { $0 == 32 || $0 == 9 }) {
    if byte == 32 { result.append(32) } else { repeat { result.append(32) } while result.count % 4 != 0 }
  }
  return (result + line.drop { $0 == 32 || $0 == 9 })[...]
}
