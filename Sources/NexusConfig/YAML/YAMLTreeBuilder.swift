// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CYAML
internal import NexusCore
internal import NexusDiagnostics

/// Builds nodes from events; every bound is checked here, before anything grows.
struct YAMLTreeBuilder {
  private let file: String
  private(set) var documents: [YAMLNode] = []
  private(set) var diagnostics: [Diagnostic] = []
  /// Set by an error after which the tree means nothing.
  private(set) var isRejected = false
  private(set) var isDone = false
  private var stack: [Frame] = []
  private var anchors: [String: YAMLNode] = [:]
  private var nodeCount = 0

  /// A map or list that is not closed yet.
  private struct Frame {
    var isMapping: Bool
    var isFlow: Bool
    var anchor: String?
    var start: YAMLNode.Mark
    var items: [YAMLNode] = []
    var entries: [YAMLEntry] = []
    var firstOf: [String: SourceLocation] = [:]
    var pendingKey: YAMLNode?
    var weight = 1
    var height = 1
  }

  init(file: String) { self.file = file }

  @unsafe mutating func handle(_ event: yaml_event_t) {
    let start = unsafe YAMLNode.Mark(event.start_mark)
    let end = unsafe YAMLNode.Mark(event.end_mark)
    switch unsafe event.type {
    case YAML_STREAM_END_EVENT: isDone = true
    case YAML_DOCUMENT_START_EVENT: anchors = [:]
    case YAML_SCALAR_EVENT:
      let scalar = unsafe event.data.scalar
      let text = unsafe String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE && scalar.tag == nil
      unsafe checkTag(scalar.tag, start: start, end: end)
      let node = node(.scalar(YAMLScalar(text: text, isPlain: isPlain)), start: start, end: end)
      unsafe add(node, anchor: Self.text(scalar.anchor))
    case YAML_SEQUENCE_START_EVENT:
      let sequence = unsafe event.data.sequence_start
      unsafe checkTag(sequence.tag, start: start, end: end)
      let isFlow = unsafe sequence.style == YAML_FLOW_SEQUENCE_STYLE
      unsafe push(Frame(isMapping: false, isFlow: isFlow, anchor: Self.text(sequence.anchor), start: start))
    case YAML_MAPPING_START_EVENT:
      let mapping = unsafe event.data.mapping_start
      unsafe checkTag(mapping.tag, start: start, end: end)
      let isFlow = unsafe mapping.style == YAML_FLOW_MAPPING_STYLE
      unsafe push(Frame(isMapping: true, isFlow: isFlow, anchor: Self.text(mapping.anchor), start: start))
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: pop(end: end)
    case YAML_ALIAS_EVENT: unsafe alias(Self.text(event.data.alias.anchor) ?? "", start: start, end: end)
    default: break
    }
  }

  @unsafe private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    unsafe pointer.map { unsafe String(cString: $0) }
  }

  private func location(_ start: YAMLNode.Mark, _ end: YAMLNode.Mark) -> SourceLocation {
    let length = end.line == start.line ? max(1, end.column - start.column) : 1
    return SourceLocation(file: file, line: start.line + 1, column: start.column + 1, length: length)
  }

  private func node(_ content: YAMLNode.Content, start: YAMLNode.Mark, end: YAMLNode.Mark) -> YAMLNode {
    YAMLNode(
      content: content, location: location(start, end), start: start, end: end, isFlow: false, weight: 1, height: 1)
  }

  /// Reports what makes the rest of the file meaningless, and stops.
  private mutating func reject(_ diagnostic: Diagnostic) {
    diagnostics.append(diagnostic)
    isRejected = true
    isDone = true
  }

  @unsafe private mutating func checkTag(
    _ tag: UnsafeMutablePointer<yaml_char_t>?, start: YAMLNode.Mark, end: YAMLNode.Mark
  ) {
    guard let tag = unsafe Self.text(tag), tag != "!" else { return }
    let core = ["str", "int", "float", "bool", "null", "map", "seq"].map { "tag:yaml.org,2002:\($0)" }
    guard !core.contains(tag) else { return }
    diagnostics.append(
      Diagnostic(
        "NX-CFG-009", "the tag `\(tag)` has no meaning here", at: location(start, end),
        help: "remove it: a value's type follows from its key"))
  }

  private mutating func push(_ frame: Frame) {
    guard stack.count < ConfigLimits.maxDepth else {
      return reject(
        Diagnostic(
          "NX-CFG-008", "maps and lists nest deeper than \(ConfigLimits.maxDepth) levels",
          at: location(frame.start, frame.start)))
    }
    stack.append(frame)
  }

  private mutating func pop(end: YAMLNode.Mark) {
    guard let frame = stack.popLast() else { return }
    var node = node(frame.isMapping ? .mapping(frame.entries) : .sequence(frame.items), start: frame.start, end: end)
    node.isFlow = frame.isFlow
    node.weight = frame.weight
    node.height = frame.height
    nodeCount -= frame.weight - 1
    add(node, anchor: frame.anchor)
  }

  private mutating func alias(_ name: String, start: YAMLNode.Mark, end: YAMLNode.Mark) {
    guard let node = anchors[name] else {
      let isOpen = stack.contains { $0.anchor == name }
      return reject(
        Diagnostic(
          "NX-CFG-007",
          isOpen
            ? "the alias `*\(name)` stands inside its own anchor" : "there is no anchor `&\(name)` above this alias",
          at: location(start, end),
          suggestion: Suggestion.nearest(to: name, among: anchors.keys.sorted()).map { "*\($0)" }))
    }
    guard stack.count + node.height <= ConfigLimits.maxDepth else {
      return reject(
        Diagnostic(
          "NX-CFG-008", "with its aliases written out the file nests deeper than \(ConfigLimits.maxDepth) levels",
          at: location(start, end)))
    }
    add(node, anchor: nil)
  }

  private mutating func add(_ node: YAMLNode, anchor: String?) {
    if let anchor { anchors[anchor] = node }
    nodeCount += node.weight
    guard nodeCount <= ConfigLimits.maxNodes else {
      return reject(
        Diagnostic(
          "NX-CFG-008", "with its aliases written out the file has more than \(ConfigLimits.maxNodes) values",
          at: node.location))
    }
    guard var frame = stack.popLast() else {
      documents.append(node)
      return
    }
    frame.weight += node.weight
    frame.height = max(frame.height, node.height + 1)
    if !frame.isMapping {
      frame.items.append(node)
    } else if let key = frame.pendingKey {
      frame.pendingKey = nil
      close(key, node, in: &frame)
    } else {
      frame.pendingKey = node
    }
    stack.append(frame)
  }

  private mutating func close(_ key: YAMLNode, _ value: YAMLNode, in frame: inout Frame) {
    guard case .scalar(let scalar) = key.content else {
      isRejected = true
      diagnostics.append(
        Diagnostic(
          "NX-CFG-009", "a key must be a single value, not \(key.kindWord)", at: key.location,
          help: key.isFlow && key.kindWord == "a map" ? "a reference needs quotes: \"{{ run.input }}\"" : nil))
      return
    }
    if scalar.text == "<<", scalar.isPlain {
      isRejected = true
      diagnostics.append(
        Diagnostic(
          "NX-CFG-009", "merge keys are not part of YAML 1.2", at: key.location,
          help: "write the keys out, or use an alias for a whole value"))
      return
    }
    if let first = frame.firstOf[scalar.text] {
      diagnostics.append(
        Diagnostic(
          "NX-CFG-006", "the key `\(scalar.text)` is already in this map", at: key.location,
          notes: [.init("the first one is here", at: first)], help: "keep one of the two"))
      return
    }
    frame.firstOf[scalar.text] = key.location
    frame.entries.append(
      YAMLEntry(key: scalar.text, keyLocation: key.location, keyStart: key.start, value: value))
  }
}
