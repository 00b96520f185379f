// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusHTTP

/// What the built-in tools may touch for one agent.
package struct ToolAccess: Sendable, Hashable {
  /// Absolute folders (or files) that may be read.
  package var readPaths: [String]
  /// `host`, for all of its ports, or `host:port`.
  package var hosts: [String]
  /// The tools that the agent was given: `files.search`.
  package var tools: [String]
  /// Absolute; relative paths start here, and paths below it are shown relative to it.
  package var workingDirectory: String

  package init(readPaths: [String], hosts: [String], tools: [String], workingDirectory: String) {
    self.readPaths = readPaths
    self.hosts = hosts
    self.tools = tools
    self.workingDirectory = workingDirectory
  }
}

/// Why a tool did not do what it was asked for, in a sentence for the model.
struct ToolFailure: Error, Sendable, Hashable {
  let message: String
  init(_ message: String) { self.message = message }
}

/// The tools that naos itself performs: `files.list`, `files.search`, `files.read` and `http.get`.
///
/// An agent that is not in the table has no tools.
package struct BuiltInTools: Sendable {
  private let access: [AgentName: ToolAccess]
  private let client: HTTPClient

  package init(access: [AgentName: ToolAccess], client: HTTPClient = HTTPClient()) {
    self.access = access
    self.client = client
  }

  package func definitions(for agent: AgentName) -> [ToolDefinition] {
    let granted = access[agent]?.tools ?? []
    return Self.catalogue.filter { granted.contains($0.name) }
  }

  package func perform(_ tool: String, arguments: JSONValue, for agent: AgentName) async -> ToolOutcome {
    do {
      guard let access = access[agent], access.tools.contains(tool) else {
        let known = definitions(for: agent).map(\.name).joined(separator: ", ")
        throw ToolFailure(
          "the agent has no tool named '\(tool)'" + (known.isEmpty ? ", and no other" : "; it has \(known)"))
      }
      let arguments = try ToolArguments(arguments, tool: tool)
      let content: JSONValue
      switch tool {
      case "files.list": content = try await FileTools(access).list(arguments)
      case "files.search": content = try await FileTools(access).search(arguments)
      case "files.read": content = try await FileTools(access).read(arguments)
      case "http.get": content = try await WebFetch(client: client, hosts: access.hosts).get(arguments)
      default: throw ToolFailure("there is no built-in tool named '\(tool)'")
      }
      return ToolOutcome(succeeded: true, content: content)
    } catch let failure as ToolFailure {
      return ToolOutcome(succeeded: false, content: ["error": .string(failure.message)])
    } catch {
      return ToolOutcome(succeeded: false, content: ["error": .string("\(error)")])
    }
  }

  /// The names of all built-in tools.
  package static let names: [String] = catalogue.map(\.name)

  private static let catalogue: [ToolDefinition] = [
    ToolDefinition(
      name: "files.list",
      description: "Lists the files in the granted folders, or below one folder, with their sizes in bytes.",
      parameters: schema(["path": text("A folder; all granted folders if it is left out.")], required: [])),
    ToolDefinition(
      name: "files.search",
      description:
        "Finds the lines in the granted files that fit the words of a query best, with path and line number.",
      parameters: schema(
        [
          "query": text("Words to look for."),
          "path": text("A folder or file to search in; everything granted if it is left out."),
          "maxResults": number("How many hits to give.", 1, Int64(FileTools.maxHits)),
        ], required: ["query"])),
    ToolDefinition(
      name: "files.read",
      description: "Reads a granted text file, or some of its lines.",
      parameters: schema(
        [
          "path": text("The file."), "from": number("The first line, from 1.", 1, Int64(Int32.max)),
          "lines": number("How many lines.", 1, Int64(FileTools.maxLines)),
          "numbered": ["type": "boolean", "description": "Put its number before each line."],
        ], required: ["path"])),
    ToolDefinition(
      name: "http.get",
      description: "Fetches a text over HTTP or HTTPS from a granted host.",
      parameters: schema(["url": text("An absolute http:// or https:// URL.")], required: ["url"])),
  ]

  private static func schema(_ properties: JSONObject, required: [String]) -> JSONValue {
    [
      "type": "object", "properties": .object(properties), "required": .array(required.map { .string($0) }),
      "additionalProperties": false,
    ]
  }

  private static func text(_ description: String) -> JSONValue {
    ["type": "string", "description": .string(description)]
  }

  private static func number(_ description: String, _ least: Int64, _ most: Int64) -> JSONValue {
    ["type": "integer", "description": .string(description), "minimum": .int(least), "maximum": .int(most)]
  }
}
