// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import Testing

/// The conformance tests of the language, as JSON: one file with sections of tests each.
struct ConformanceFile: Sendable {
  struct Case: Sendable {
    let file: String
    let section: String
    let json: JSONValue

    var name: String { "\(file)/\(section)/\(json["name"]?.stringValue ?? "?")" }
    var expression: String { json["expr"]?.stringValue ?? "" }
    var needsMessages: Bool { json["needsProto"]?.boolValue == true }
  }

  let name: String
  let cases: [Case]

  /// Where the tests are: the environment says, or they lie beside the repository.
  static func folder() throws -> String {
    let root = #filePath.split(separator: "/").dropLast(4).map { "/\($0)" }.joined()
    let folder = environment("NAOS_CONFORMANCE").map { "\($0)/cel" } ?? "\(root)/../shared/conformance/cel"
    guard bytes(of: "\(folder)/basic.json") != nil else {
      try Test.cancel("no conformance tests in \(folder); set NAOS_CONFORMANCE to the folder that has cel/")
    }
    return folder
  }

  private static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  static func load(_ name: String, from folder: String) throws -> ConformanceFile {
    let bytes = try #require(Self.bytes(of: "\(folder)/\(name).json"), "\(name).json is missing")
    let json = try JSONValue(parsing: bytes)
    var cases: [Case] = []
    for section in json["section"]?.arrayValue ?? [] {
      for test in section["test"]?.arrayValue ?? [] {
        cases.append(Case(file: name, section: section["name"]?.stringValue ?? "?", json: test))
      }
    }
    return ConformanceFile(name: name, cases: cases)
  }

  /// The content of a file; nil if there is none.
  static func bytes(of path: String) -> [UInt8]? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
      guard count >= 0 else { return nil }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }
}
