// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import ArgumentParser

extension OutputFormat: ExpressibleByArgument {}

/// The options that every command has.
package struct GlobalOptions: ParsableArguments, Sendable {
  @Option(help: ArgumentHelp("The project's folder, or one below it.", valueName: "dir"))
  package var project: String?

  @Option(name: [.customShort("o"), .long], help: "table, json, jsonl or yaml.")
  package var output: OutputFormat = .table

  @Flag(name: [.customShort("q"), .long], help: "Say nothing but data and errors.")
  package var quiet = false

  @Flag(help: "Say more.")
  package var verbose = false

  package init() {}
}
