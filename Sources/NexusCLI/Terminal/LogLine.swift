// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A line of an agent's log as people read it.
package enum LogLine {
  /// Who says what.
  ///
  /// What the node says has its word in the place of the agent's name, where no agent can write.
  package static func words(of line: LogEvent, _ style: Style) -> String {
    var text = TerminalText.line(line.text)
    switch line.stream {
    case .standardError: return "\(style.strong(line.agent.text)) \(text)"
    case .standardOutput: return "\(style.strong(line.agent.text))\(style.quiet(" out")) \(text)"
    case .node:
      if text.hasPrefix("naos: ") { text.removeFirst(6) }
      return "\(style.strong("\(line.agent.text)/naos:")) \(text)"
    }
  }
}
