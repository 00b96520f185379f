// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A value with references in its texts: `{"topic": "{{ steps.plan.output.title }}"}`.
///
/// A text that is one pair of braces and nothing else gives the referred value as it is, whatever its type. In any other
/// text each pair of braces is replaced: by the text that it refers to, or by the compact JSON of what is no text. Between
/// the braces stands a reference, or a text in quotes: `{{ "{{" }}` is how two braces themselves are written. Keys are
/// kept as they are. A value is never read for references again, so nothing that an agent says can refer to anything.
package struct ValueTemplate: Sendable, Hashable {
  /// As it was written.
  package let source: JSONValue
  private let node: TemplateNode

  /// Two are equal if they were written alike, whatever the order of the members.
  package static func == (left: Self, right: Self) -> Bool { left.source == right.source }
  package func hash(into hasher: inout Hasher) { hasher.combine(source) }

  /// Reads a value.
  ///
  /// - Throws: `ValueSyntaxError` with the first text that cannot be read.
  package init(parsing source: JSONValue) throws(ValueSyntaxError) {
    self.source = source
    var references = 0
    node = try TemplateNode(source, depth: 0, &references)
  }

  /// Everything that it refers to, in the order in which it is written, repetitions included.
  package var references: [Reference] {
    var found: [Reference] = []
    node.collect(&found)
    return found
  }

  /// The value with everything put in that it refers to.
  ///
  /// - Throws: `NX-RUN-020` if something that it refers to does not exist, `NX-RUN-022` if the value would be larger than
  ///   `ValueLimits` allows; neither is ever retried.
  package func value(in scope: some ValueScope) throws(RunError) -> JSONValue {
    var room = ValueLimits.maxValueBytes
    let value = try node.value(in: scope, &room)
    // Without a reference it is no deeper than what was read.
    if case .constant = node { return value }
    var depthRoom = ValueLimits.maxValueBytes
    guard value.fits(depth: ValueLimits.maxValueDepth, &depthRoom) else { throw TemplateNode.tooLarge }
    return value
  }
}
