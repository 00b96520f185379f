// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore
internal import NexusDiagnostics

/// `naos explain`: the page behind an error code.
struct ExplainCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "explain", abstract: "Explain an error code.")

  @Argument(help: "For example NX-BUD-001; without one, all codes are listed.")
  var code: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let console = context.console
    guard let code else {
      let items = ErrorCatalogue.codes.map {
        JSONValue.object(["code": .string($0), "title": .of(ErrorCatalogue.title(for: $0))])
      }
      console.emit(["codes": .array(items)], lines: items) {
        ErrorCatalogue.codes.map { "\($0)  \(ErrorCatalogue.title(for: $0) ?? "")" }.joined(separator: "\n")
      }
      return
    }
    guard let page = ErrorCatalogue.page(for: code) else {
      throw OperationError(
        .notFound, code: "NX-API-025", title: "No such error code",
        detail: "There is no page for `\(TerminalText.line(code, limit: 40))`.",
        hint: Suggestion.nearest(to: code.uppercased(), among: ErrorCatalogue.codes).map { "Did you mean `\($0)`?" }
          ?? "List them with `naos explain`.")
    }
    console.emit(["code": .string(code.uppercased()), "page": .string(page)]) { page }
  }
}
