// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import FoundationEssentials
import NexusConfig
import NexusCore
import Testing

struct SchemaTests {
  private static let schema = configSchema()

  @Test func `the schema is JSON and says which draft it is`() throws {
    let text = Self.schema.text(.pretty)
    #expect(try JSONValue(parsing: text) == Self.schema)
    #expect(Self.schema["$schema"] == "https://json-schema.org/draft/2020-12/schema")
    #expect(Self.schema["additionalProperties"] == false)
  }

  @Test func `every key of the full example is in the schema`() throws {
    let properties = try #require(Self.schema["properties"]?.objectValue)
    for key in [
      "project", "include", "providers", "models", "agents", "supervisors", "workflows", "sagas", "pools", "schedules",
      "cost", "server", "durability",
    ] {
      #expect(properties[key] != nil, "\(key)")
    }
    #expect(properties["agent"]?["$ref"] == "#/$defs/an-agent")
    #expect(properties["agent"]?["required"] == ["name"])
    for (key, title) in [("workflow", "a-workflow"), ("saga", "a-saga"), ("pool", "a-pool")] {
      #expect(properties[key]?["$ref"] == .string("#/$defs/\(title)"))
      #expect(properties[key]?["required"] == ["name"])
    }
    let step = try #require(Self.schema["$defs"]?["a-step"])
    for alias in ["action", "compensate", "retries", "retryDelay", "stepTimeout"] {
      #expect(step["properties"]?[alias] != nil, "\(alias)")
    }
    let agent = try #require(Self.schema["$defs"]?["an-agent"])
    #expect(agent["properties"]?["stepTimeout"] != nil)
    #expect(
      agent["properties"]?["restart"]?["anyOf"]?.arrayValue?.first == ["enum": ["permanent", "transient", "temporary"]])
  }

  @Test func `the reference has every key of the table`() throws {
    let root = #filePath.split(separator: "/Tests/NexusConfigTests/").first.map(String.init) ?? ""
    let path = root + "/docs/reference/configuration.md"
    let expected = configReference()
    if GoldenCase.isRecording {
      let folder = root + "/docs/reference"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      _ = FileManager.default.createFile(atPath: path, contents: Data(expected.utf8))
    }
    let bytes = try #require(FileManager.default.contents(atPath: path))
    #expect(String(decoding: bytes, as: UTF8.self) == expected)
  }

  @Test func `the reference has a section for every map of the schema`() throws {
    let page = configReference()
    let definitions = try #require(Self.schema["$defs"]?.objectValue)
    for member in definitions {
      let (title, definition) = (member.key, member.value)
      let keys = definition["properties"]?.objectValue.map { Array($0.keys) } ?? []
      for key in keys where !page.contains("`\(key)`") { Issue.record("`\(key)` of \(title) is on no line") }
    }
  }

  @Test func `every reference of the schema has its definition, and it stays small`() throws {
    let definitions = try #require(Self.schema["$defs"]?.objectValue)
    let text = Self.schema.text()
    for part in text.split(separator: "\"#/$defs/").dropFirst() {
      #expect(definitions[String(part.prefix { $0 != "\"" })] != nil)
    }
    #expect(text.utf8.count < 128 << 10)
  }
}
