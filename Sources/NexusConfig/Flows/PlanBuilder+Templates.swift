// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  /// The condition, and what it refers to; nil after a diagnostic.
  mutating func condition(_ value: Shaped, _ uses: inout [ReferenceUse]) -> Condition? {
    guard let text = value.text else { return nil }
    do throws(ValueSyntaxError) {
      let condition = try Condition(parsing: text)
      for reference in condition.references {
        uses.append(ReferenceUse(reference: reference, location: value.location, place: .step))
      }
      return condition
    } catch {
      report(error, at: value.location)
      return nil
    }
  }

  /// The template, and what it refers to; nil after a diagnostic.
  mutating func template(
    _ value: Shaped, _ place: ReferenceUse.Place, _ uses: inout [ReferenceUse]
  ) -> ValueTemplate? {
    guard let source = data(value) else { return nil }
    var isSound = true
    switch value.content {
    case .raw(let node): collect(node, place, &uses, &isSound)
    case .text(let text, _): collect(text, at: value.location, place, &uses, &isSound)
    default: return nil
    }
    guard isSound else { return nil }
    do throws(ValueSyntaxError) { return try ValueTemplate(parsing: source) } catch {
      report(error, at: value.location)
      return nil
    }
  }

  /// What stands there as data, in which no variable is replaced.
  mutating func data(_ value: Shaped) -> JSONValue? {
    guard case .raw(let node) = value.content else { return value.json }
    warnOfVariables(node)
    return node.json
  }

  private mutating func collect(
    _ node: YAMLNode, _ place: ReferenceUse.Place, _ uses: inout [ReferenceUse], _ isSound: inout Bool
  ) {
    switch node.content {
    case .scalar(let scalar): collect(scalar.text, at: node.location, place, &uses, &isSound)
    case .sequence(let elements): for element in elements { collect(element, place, &uses, &isSound) }
    case .mapping(let entries): for entry in entries { collect(entry.value, place, &uses, &isSound) }
    }
  }

  private mutating func collect(
    _ text: String, at location: SourceLocation, _ place: ReferenceUse.Place, _ uses: inout [ReferenceUse],
    _ isSound: inout Bool
  ) {
    guard text.contains("{{") else { return }
    do throws(ValueSyntaxError) {
      for reference in try ValueTemplate(parsing: .string(text)).references {
        uses.append(ReferenceUse(reference: reference, location: location, place: place))
      }
    } catch {
      report(error, at: location)
      isSound = false
    }
  }

  private mutating func report(_ error: ValueSyntaxError, at location: SourceLocation) {
    var place = location
    // Where nothing was escaped or folded, the error has its place inside the text.
    let quotes = location.length - error.text.unicodeScalars.count
    if !error.text.isEmpty, quotes == 0 || quotes == 2 {
      place.column += min(error.offset, max(0, error.text.unicodeScalars.count - 1)) + quotes / 2
      place.length = error.word?.unicodeScalars.count ?? 1
    }
    report(
      Diagnostic(
        "NX-CFG-244", error.message, at: place,
        suggestion: error.word.flatMap { Suggestion.nearest(to: $0, among: error.expected) }))
  }

  /// A variable that stays a variable surprises whoever meant its value.
  private mutating func warnOfVariables(_ node: YAMLNode) {
    switch node.content {
    case .sequence(let elements): for element in elements { warnOfVariables(element) }
    case .mapping(let entries): for entry in entries { warnOfVariables(entry.value) }
    case .scalar(let scalar):
      guard let start = scalar.text.firstRange(of: "${")?.upperBound,
        let end = scalar.text[start...].firstIndex(of: "}"), Interpolation.isName(String(scalar.text[start..<end]))
      else { return }
      report(
        Diagnostic(
          "NX-CFG-250", .warning, "no variable is replaced in an input: it is written into the journal",
          at: node.location, help: "give it to the agent by `env`, or let the agent read it"))
    }
  }
}
