// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
package import NexusAPI
internal import NexusCore
internal import NexusLLMAgent

/// The whole command line: from the words that were typed to the exit code.
package enum CommandLineInterface {
  /// Answers what needs nothing: the version.
  ///
  /// Called before anything else, so that nothing is set up for it.
  ///
  /// - Parameter arguments: Without the program's name.
  /// - Returns: The exit code, or nil if the command line has to be read in full.
  package static func fastPath(_ arguments: [String]) -> Int32? {
    guard arguments == ["--version"] || arguments == ["version"] else { return nil }
    let console = Console(output: DescriptorSink(1), words: DescriptorSink(2))
    console.data("naos \(NaosVersion.current)")
    return written(.ok, console).rawValue
  }

  private static let hiddenAgentCommand = "__llm-agent"

  /// Runs a command line on the real terminal.
  package static func main(_ arguments: [String]) async -> Int32 {
    let environment = ProcessEnvironment.variables()
    // The node starts this program again for each attempt of an `llm` agent.
    if arguments == [hiddenAgentCommand] {
      let input = (try? RunInput.standardInput()) ?? []
      return await LLMAgentMain.run(environment: environment, stdin: input)
    }
    return await run(arguments, console: Console.standard(environment: environment), environment: environment).rawValue
  }

  /// Runs a command line on any terminal.
  package static func run(_ arguments: [String], console: Console, environment: [String: String]) async -> CommandExit {
    var console = console
    let exit = await answered(arguments, &console, environment)
    return written(exit, console)
  }

  /// Nothing went well whose answer did not arrive; what went wrong anyway has been said.
  private static func written(_ exit: CommandExit, _ console: Console) -> CommandExit {
    guard exit == .ok, let failure = console.output.failure else { return exit }
    CommandFailure(.unwritable(failure)).report(on: console)
    return .failed
  }

  private static func answered(
    _ arguments: [String], _ console: inout Console, _ environment: [String: String]
  ) async -> CommandExit {
    let arguments = globalsLast(arguments)
    if arguments == ["--version"] {
      console.data("naos \(NaosVersion.current)")
      return .ok
    }
    if arguments == ["help", "exit-codes"] {
      for exit in CommandExit.allCases { console.data("\(exit.rawValue)\t\(exit.meaning)") }
      return .ok
    }
    if let mistake = CommandTypos.find(in: arguments) {
      let failure = CommandFailure.usage("\(mistake.message).", hint: mistake.hint)
      failure.report(on: console)
      return failure.exit
    }
    do {
      let parsed = try RootCommand.parseAsRoot(arguments)
      guard let command = parsed as? any NaosCommand else {
        var command = parsed
        try command.run()
        return .ok
      }
      console.format = command.global.output
      console.isQuiet = command.global.quiet
      console.isVerbose = command.global.verbose
      return await perform(
        command, CommandContext(console: console, environment: environment, named: command.global.project))
    } catch {
      return answer(error, console)
    }
  }

  private static func perform(_ command: any NaosCommand, _ context: CommandContext) async -> CommandExit {
    do {
      try await command.perform(context)
      return .ok
    } catch let failure as CommandFailure {
      failure.report(on: context.console)
      return failure.exit
    } catch let error as OperationError {
      let failure = CommandFailure(error)
      failure.report(on: context.console)
      return failure.exit
    } catch is CancellationError {
      return .interrupted
    } catch {
      return answer(error, context.console)
    }
  }

  /// What the parser has to say: help on the standard output, a wrong command line on the standard error.
  private static func answer(_ error: any Error, _ console: Console) -> CommandExit {
    let message = RootCommand.fullMessage(for: error)
    guard RootCommand.exitCode(for: error) != .success else {
      console.data(message)
      return .ok
    }
    if RootCommand.exitCode(for: error) == .validationFailure {
      // The first line says what is wrong, the rest how the command is used.
      let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
      let first = lines.first.map(String.init) ?? ""
      let detail = first.hasPrefix("Error: ") ? String(first.dropFirst("Error: ".count)) : first
      let usage = lines.first { $0.hasPrefix("Usage: ") }.map { String($0.dropFirst("Usage: ".count)) }
      let general = usage.map { "Use it like this: \($0)" } ?? "See `naos --help`."
      CommandFailure.usage(detail, hint: specialHint(for: detail) ?? general).report(on: console)
      return .usage
    }
    CommandFailure(.internalFailure(message)).report(on: console)
    return .failed
  }

  /// What helps more than how the command is used.
  private static func specialHint(for detail: String) -> String? {
    if detail.hasPrefix("Unknown option '--json'") { return "JSON comes with `-o json`." }
    // How the parser names what cannot be read as a duration.
    if detail.contains("is invalid for"), detail.contains("<duration>") {
      return "A duration is written like 90s, 5m or 1h30m; a bare number is seconds."
    }
    return nil
  }

  /// Options that stand before a command, or between a group and its command, are moved behind it, where the parser
  /// wants them.
  static func globalsLast(_ arguments: [String]) -> [String] {
    var commands = CommandTypos.subcommands(of: RootCommand.self)
    var leading: [String] = []
    var path: [String] = []
    var index = 0
    while index < arguments.count, !commands.isEmpty {
      let word = arguments[index]
      if let width = widthOfGlobal(word) {
        leading += arguments[index..<min(index + width, arguments.count)]
        index += width
        continue
      }
      if word.hasPrefix("-") { break }
      path.append(word)
      index += 1
      commands = CommandTypos.command(word, among: commands).map { CommandTypos.subcommands(of: $0) } ?? []
    }
    guard !leading.isEmpty, !path.isEmpty else { return arguments }
    // What follows `--` belongs to the command.
    let rest = index < arguments.count ? Array(arguments[index...]) : []
    guard let end = rest.firstIndex(of: "--") else { return path + rest + leading }
    return path + Array(rest[..<end]) + leading + Array(rest[end...])
  }

  /// How many words a global option takes; nil for another one, and for what is none.
  private static func widthOfGlobal(_ word: String) -> Int? {
    switch word {
    case "--project", "-o", "--output": 2
    case "--quiet", "-q", "--verbose": 1
    default: word.hasPrefix("--project=") || word.hasPrefix("--output=") || word.hasPrefix("-o=") ? 1 : nil
    }
  }
}
