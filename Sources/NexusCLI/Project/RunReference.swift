// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore

/// Which run is meant by what somebody typed: a whole id, the beginning or the end of one, or `last`.
///
/// The node's API takes whole ids alone; here is the one place that makes one of what was typed.
package enum RunReference {
  /// The run that was started last.
  private static let last = "last"
  private static let prefix = "run_"
  /// What comes behind the prefix.
  private static let digits = 26
  /// Of fewer characters nobody can know what they will mean tomorrow.
  package static let fewestDigits = 4
  /// Ends are looked for among so many runs, the newest: there is no index of them.
  private static let mostWithEnd = RunFilter.maxLimit
  /// So many of several runs are named.
  private static let mostNamed = 8

  /// The run that is meant.
  ///
  /// A whole id is taken as it is, and so is what cannot be a part of one: whoever is asked for it says that it is not there.
  ///
  /// - Parameters:
  ///   - text: what was typed.
  ///   - name: whose newest run `last` is; nil for the newest that no other run has started.
  ///   - context: of the command.
  /// - Throws: `OperationError`: there is no such run, or there are several.
  /// - Returns: its whole id.
  static func resolve(_ text: String, of name: String? = nil, _ context: CommandContext) async throws -> RunID {
    guard text == last || part(of: text) != nil else { return RunID(text) }
    // The command itself says what is wrong with the configuration.
    var silent = context.console
    silent.isQuiet = true
    return try await NodeAccess.reading(try context.project(), warning: silent) { operations in
      try await find(text, of: name, operations)
    }
  }

  /// The same for an option that may be left out.
  static func resolve(option text: String?, of name: String? = nil, _ context: CommandContext) async throws -> RunID? {
    guard let text else { return nil }
    return try await resolve(text, of: name, context)
  }

  /// Looks for the run that is meant.
  ///
  /// - Throws: `OperationError`: there is no such run, or there are several.
  package static func find(
    _ text: String, of name: String? = nil, _ operations: any NodeOperations
  ) async throws(OperationError) -> RunID {
    if text == last {
      let filter = RunFilter(name: name, parent: name == nil ? nil : "any", limit: 1)
      if let newest = try await operations.listRuns(filter).runs.first { return newest.id }
      throw OperationError(
        .notFound, code: "NX-API-010", title: "No such run",
        detail: "Nothing \(name.map { "of `\($0)` " } ?? "")has been run in this project yet.",
        hint: "naos run \(name ?? "NAME") --input \"…\"")
    }
    guard let part = part(of: text) else { return RunID(text) }
    var found = try await beginning(with: part, operations)
    if !text.hasPrefix(prefix) {
      let ending = try await operations.listRuns(RunFilter(parent: "any", limit: mostWithEnd)).runs
      found += ending.filter { row in row.id.text.hasSuffix(part) && !found.contains { $0.id == row.id } }
    }
    guard let only = found.first else { throw .unknownRun(RunID(text)) }
    guard found.count == 1 else { throw ambiguous(text, found) }
    return only.id
  }

  /// Ids are ordered as texts, and a list goes on below any id: below the greatest one that begins so are those that do.
  private static func beginning(
    with part: String, _ operations: any NodeOperations
  ) async throws(OperationError) -> [RunRow] {
    let greatest = prefix + part + String(repeating: "z", count: digits - part.utf8.count)
    let filter = RunFilter(parent: "any", limit: mostNamed + 1, cursor: greatest)
    return try await operations.listRuns(filter).runs.filter { $0.id.text.hasPrefix(prefix + part) }
  }

  /// The digits of a part of an id; nil for a whole one, and for what is none.
  private static func part(of text: String) -> String? {
    let part = String(text.hasPrefix(prefix) ? text.dropFirst(prefix.count) : Substring(text)).lowercased()
    guard (fewestDigits..<digits).contains(part.utf8.count), part.utf8.allSatisfy(Crockford.contains) else {
      return nil
    }
    return part
  }

  private static func ambiguous(_ text: String, _ runs: [RunRow]) -> OperationError {
    let named = runs.prefix(mostNamed).map { "\($0.id.text) (\($0.name), \($0.status))" }
    let more = runs.count > mostNamed ? ", and more" : ""
    return OperationError(
      .usage, code: "NX-API-037", title: "More than one run is meant",
      detail: "`\(text)` is a part of \(named.joined(separator: ", "))\(more).",
      hint: "Give more characters of the id, or all of it.")
  }
}
