// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusCore

/// `naos templates`: what `create` can make.
struct TemplatesCommand: NaosCommand {
  static let configuration = CommandConfiguration(commandName: "templates", abstract: "List the templates of `create`.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let templates = TemplateCatalogue.all
    let items = templates.map { JSONValue.object(["name": .string($0.name), "summary": .string($0.summary)]) }
    let console = context.console
    console.emit(["templates": .array(items)], lines: items) {
      var table = TextTable(["TEMPLATE", "WHAT IT MAKES"])
      for template in templates { table.add([template.name, template.summary]) }
      return table.render(console.outputStyle)
    }
    if console.format == .table { console.next("naos create NAME --template research") }
  }
}
