// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

/// Approvals in a terminal; whatever an agent wrote is shown inert.
enum ApprovalTable {
  static func list(_ approvals: [ApprovalReport], now: WallTime, _ style: Style) -> String {
    guard !approvals.isEmpty else { return "" }
    var table = TextTable(["APPROVAL", "STATUS", "AGENT", "TOOL", "WHO", "ASKED", "EXPIRES", "BECAUSE"])
    for approval in approvals {
      table.add([
        approval.id.text, progress(approval), approval.agent, approval.tool,
        approval.approvers.map { "role:\($0)" }.joined(separator: ", "), Quantities.ago(approval.requestedAt, now: now),
        expiry(approval, now), TerminalText.line(approval.reason, limit: 60),
      ]) { column, text in column == 1 ? coloured(approval.status, text, style) : text }
    }
    return table.render(style)
  }

  private static func progress(_ approval: ApprovalReport) -> String {
    guard approval.isOpen, approval.quorum > 1 else { return approval.status }
    return "\(approval.status) \(approval.approvedBy.count) of \(approval.quorum)"
  }

  private static func expiry(_ approval: ApprovalReport, _ now: WallTime) -> String {
    guard approval.isOpen else { return "–" }
    guard let time = approval.expiresAt else { return "never" }
    return time <= now ? "now" : "in \(Quantities.duration(time - now))"
  }

  static func show(_ approval: ApprovalReport, now: WallTime, _ style: Style) -> String {
    var lines = [
      "\(style.strong(approval.id.text))  \(coloured(approval.status, progress(approval), style))",
      "run       \(approval.run) · \(TerminalText.line(approval.step))",
      "asked by  \(TerminalText.line(approval.requester)) · \(approval.requestedAt.iso8601)",
      "tool      \(TerminalText.line(approval.tool)) · \(approval.effect)",
    ]
    if !approval.reason.isEmpty { lines.append("because   \(TerminalText.line(approval.reason))") }
    lines.append(
      "decides   \(TerminalText.line(approval.approvers.map { "role:\($0)" }.joined(separator: ", "))), \(approval.quorum) of them"
    )
    if approval.isOpen { lines.append("expires   \(expiry(approval, now))") }
    if let next = approval.next { lines.append("now       \(next)") }
    if let old = approval.replaces { lines.append("instead of \(old)") }
    lines.append("digest    \(approval.digest)")
    lines += ["arguments", indented(approval.arguments)]
    if !approval.evidence.isNull { lines += ["evidence", indented(approval.evidence)] }
    lines.append("record")
    for note in approval.record {
      let words = [note.by, note.detail].compactMap(\.self).joined(separator: ": ")
      lines.append("  \(note.at.iso8601)  \(note.event)\(words.isEmpty ? "" : "  " + TerminalText.line(words))")
    }
    return lines.joined(separator: "\n")
  }

  private static func indented(_ value: JSONValue) -> String {
    TerminalText.json(value.text(.pretty)).split(separator: "\n", omittingEmptySubsequences: false)
      .map { "  \($0)" }.joined(separator: "\n")
  }

  private static func coloured(_ status: String, _ text: String, _ style: Style) -> String {
    switch status {
    case "approved", "consumed": style.good(text)
    case "requested", "escalated", "edited": style.warning(text)
    default: style.bad(text)
    }
  }
}
