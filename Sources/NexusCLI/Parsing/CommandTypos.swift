// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusCore
internal import NexusDiagnostics

/// Finds what was probably meant by a mistyped command or option.
enum CommandTypos {
  /// A command line as far as it could be followed.
  struct Mistake: Equatable {
    let message: String
    /// What to do instead.
    let hint: String
  }

  /// The words that stand for a command and its options, in the command that `path` leads to.
  private struct Vocabulary {
    let commands: [any ParsableCommand.Type]

    var names: [String] { commands.map { $0._commandName } }
    func command(_ name: String) -> (any ParsableCommand.Type)? { CommandTypos.command(name, among: commands) }
  }

  /// The command of that name or with that alias.
  static func command(
    _ name: String, among commands: [any ParsableCommand.Type]
  ) -> (any ParsableCommand.Type)? {
    commands.first { $0._commandName == name || $0.configuration.aliases.contains(name) }
  }

  /// Options that take a value, so that the value is not taken for a command.
  private static let valued: Set<String> = ["--project", "-o", "--output"]
  /// Options of every command; any other one belongs to the command that a group stands for by itself.
  private static let common: Set<String> = ["-q", "--quiet", "--verbose"]

  /// The first word that should be a command and is not.
  static func find(in arguments: [String]) -> Mistake? {
    var vocabulary = Vocabulary(commands: subcommands(of: RootCommand.self))
    var path = "naos"
    var index = 0
    var standsForCommand = false
    while index < arguments.count, !vocabulary.commands.isEmpty {
      let word = arguments[index]
      index += 1
      if word == "--" { return nil }
      if word.hasPrefix("-") {
        if valued.contains(word) { index += 1 } else if standsForCommand, !common.contains(word) { return nil }
        continue
      }
      if word == "help" { return nil }
      guard let command = vocabulary.command(word) else {
        return Mistake(
          message: "`\(path)` has no command `\(word)`",
          hint: instead(of: word, arguments[index...], path, vocabulary.names))
      }
      path += " " + word
      vocabulary = Vocabulary(commands: subcommands(of: command))
      standsForCommand = command.configuration.defaultSubcommand != nil
    }
    return nil
  }

  /// Groups of what `naos run` runs.
  private static let runnable: Set<String> = ["workflow", "workflows", "saga", "sagas", "pool", "pools"]

  private static func instead(
    of word: String, _ rest: ArraySlice<String>, _ path: String, _ names: [String]
  ) -> String {
    if word == "run", let group = path.split(separator: " ").last, runnable.contains(String(group)) {
      return "Use `naos run \(rest.first { !$0.hasPrefix("-") } ?? "NAME")`."
    }
    if let nearest = Suggestion.nearest(to: word, among: names + ["help"]) { return "Did you mean `\(nearest)`?" }
    return "See `\(path) --help`."
  }

  static func subcommands(of command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
    command.configuration.subcommands + command.configuration.groupedSubcommands.flatMap { $0.subcommands }
  }
}
