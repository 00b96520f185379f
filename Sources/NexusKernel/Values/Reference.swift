// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A value of the run that a definition names: `steps.plan.output.titles[0]`.
package struct Reference: Sendable, Hashable {
  package let root: ReferenceRoot
  /// The way from the root into its value.
  package let path: [ReferencePart]

  package init(_ root: ReferenceRoot, path: [ReferencePart] = []) {
    self.root = root
    self.path = path
  }

  /// Reads a reference that stands alone, without braces.
  package init(parsing text: String) throws(ValueSyntaxError) {
    var scanner = try ValueScanner(text, maxBytes: ValueLimits.maxConditionBytes)
    scanner.skipSpace()
    self = try scanner.reference()
    scanner.skipSpace()
    guard scanner.isAtEnd else { throw scanner.error("there is more behind the reference") }
  }

  /// As a person would write it.
  package var text: String { root.text + path.map(\.text).joined() }

  /// The value, or what is missing.
  ///
  /// - Throws: `NX-RUN-020` if the root, a member or an element does not exist; it is never retried.
  package func value(in scope: some ValueScope) throws(RunError) -> JSONValue {
    guard var value = scope.value(of: root) else { throw missing("there is nothing by this name here") }
    for (index, part) in path.enumerated() {
      guard let next = part.value(in: value) else {
        let way = Reference(root, path: Array(path[..<index])).text
        throw missing("`\(way)` is \(value.kindWord) \(part.absence)")
      }
      value = next
    }
    return value
  }

  /// The value; nil wherever something is missing.
  package func valueIfPresent(in scope: some ValueScope) -> JSONValue? {
    var value = scope.value(of: root)
    for part in path { value = value.flatMap { part.value(in: $0) } }
    return value
  }

  private func missing(_ reason: String) -> RunError {
    RunError(code: "NX-RUN-020", message: "`\(text)` has no value: \(reason)", isRetryable: false)
  }
}

extension ReferenceRoot {
  package var text: String {
    switch self {
    case .runInput: "run.input"
    case .runID: "run.id"
    case .stepOutput(let name): "steps\(ReferencePart.member(name).text).output"
    case .stepStatus(let name): "steps\(ReferencePart.member(name).text).status"
    case .item: "item"
    case .index: "index"
    case .compensatedInput: "input"
    case .compensatedOutput: "output"
    case .compensatedError: "error"
    }
  }

  /// The step whose result it is.
  package var step: String? {
    switch self {
    case .stepOutput(let name), .stepStatus(let name): name
    default: nil
    }
  }

  /// It stands for a text or a number, so there is no way into it.
  var isPlain: Bool {
    switch self {
    case .runID, .stepStatus, .index: true
    default: false
    }
  }
}

extension ReferencePart {
  /// `.name`, `["odd key"]` or `[3]`.
  package var text: String {
    switch self {
    case .member(let name): ValueScanner.isWord(name) ? ".\(name)" : "[\(JSONValue.string(name).text())]"
    case .element(let index): "[\(index)]"
    }
  }

  /// What the part leads to; nil if it leads nowhere.
  package func value(in value: JSONValue) -> JSONValue? {
    switch (self, value) {
    case (.member(let name), .object(let object)): return object[name]
    // In an expression of two branches a `nil` would be JSON's null.
    case (.element(let index), .array(let elements)) where elements.indices.contains(index): return elements[index]
    default: return nil
    }
  }

  fileprivate var absence: String {
    switch self {
    case .member(let name): "without the member `\(name)`"
    case .element(let index): "without the element \(index)"
    }
  }
}

extension JSONValue {
  /// As a message names it; never the value itself, which may be hostile or secret.
  var kindWord: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .int, .double: "a number"
    case .string: "a text"
    case .array(let elements): "a list of \(elements.count)"
    case .object: "an object"
    }
  }
}
