// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusNode
internal import NexusSkills

struct SkillBuildCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "build", abstract: "Compile a skill, or all skills of the project, to WebAssembly.",
    discussion: """
      Puts NAME.wasm beside its skill.yaml. The same source, built by the same naos and toolchain, gives the same bytes. \
      Needs clang and wasm-ld, and swiftc for skills in Swift; all three come with a Swift toolchain.
      """)

  @Argument(help: "The skill's folder; nothing is the working directory, or all skills of the project.")
  var folder: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let skills = try SkillLocator(context: context).skills(folder)
    let made = try await SkillWorkshop.opened(context) { workshop in try await workshop.build(all: skills) }
    let lines = made.products.map { skill, product -> JSONValue in
      [
        "name": .string(skill.manifest.name), "module": .string(skill.modulePath),
        "bytes": .int(Int64(product.bytes)),
      ]
    }
    let console = context.console
    console.emit(["skills": .array(lines)], lines: lines) { "" }
    try made.failures.report(to: console)
    console.next("naos skill test" + (folder.map { " \($0)" } ?? ""))
  }
}

/// Builds skills for commands, and says on the terminal what compilers said.
struct SkillWorkshop {
  private let console: Console
  private let builder: SkillBuilder

  private init(_ context: CommandContext, _ tooling: SkillTooling) {
    console = context.console
    builder = SkillBuilder(
      tools: ToolRunner(launcher: tooling.launcher, environment: context.environment), environment: context.environment)
  }

  /// Has a workshop for as long as the body takes.
  static func opened<Value>(
    _ context: CommandContext, _ body: (SkillWorkshop) async throws -> Value
  ) async throws -> Value {
    let tooling = SkillTooling()
    do {
      let result = try await body(SkillWorkshop(context, tooling))
      await tooling.shutDown()
      return result
    } catch {
      await tooling.shutDown()
      throw error
    }
  }

  /// Builds one after the other; one that cannot be built keeps none of the others from it.
  func build(all skills: [SkillFolder]) async throws -> (
    products: [(SkillFolder, SkillBuilder.Product)], failures: SkillFailures
  ) {
    var products: [(SkillFolder, SkillBuilder.Product)] = []
    var failures = SkillFailures()
    for skill in skills {
      do { products.append((skill, try await build(skill))) } catch let error as OperationError {
        failures.add(skill, error)
      }
    }
    return (products, failures)
  }

  /// - Throws: `OperationError`, after the compilers' own words.
  func build(_ skill: SkillFolder) async throws -> SkillBuilder.Product {
    let name = skill.manifest.name
    let directory = ProcessEnvironment.workingDirectory()
    do throws(SkillProblem) {
      let product = try await builder.build(skill, from: directory)
      if !product.transcript.isEmpty { console.say(TerminalText.block(Self.trimmed(product.transcript))) }
      console.say(
        "\(console.wordStyle.good("✓")) \(name)   \(SkillLocator.shown(skill.modulePath)), \(Quantities.bytes(Int64(product.bytes)))"
      )
      return product
    } catch {
      if !error.transcript.isEmpty { console.complain(TerminalText.block(Self.trimmed(error.transcript))) }
      throw OperationError(error, name)
    }
  }

  private static func trimmed(_ text: String) -> String {
    var text = Substring(text)
    while text.last?.isNewline == true { text.removeLast() }
    return String(text)
  }
}

/// The skills of a command that could not be built.
struct SkillFailures {
  private var found: [(skill: SkillFolder, error: OperationError)] = []

  mutating func add(_ skill: SkillFolder, _ error: OperationError) { found.append((skill, error)) }

  func has(_ skill: SkillFolder) -> Bool { found.contains { $0.skill.modulePath == skill.modulePath } }

  /// Says what is wrong with all but the first, which ends the command.
  ///
  /// - Throws: The first one.
  func report(to console: Console) throws {
    for (_, error) in found.dropFirst() {
      console.complain("\(console.wordStyle.bad("✗")) \(error.code): \(TerminalText.line(error.detail, limit: 1000))")
    }
    if let first = found.first { throw first.error }
  }
}
