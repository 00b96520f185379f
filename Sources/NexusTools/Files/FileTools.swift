// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusLocalModels

/// `files.list`, `files.search` and `files.read`.
struct FileTools: Sendable {
  static let maxListed = 500
  static let maxHits = 50
  static let defaultHits = 8
  static let maxLines = 2000
  /// A file larger than this is not searched, and read only up to here.
  static let maxFileSize = 4 << 20
  /// One search reads no more than this.
  static let maxSearched = 16 << 20
  /// One read gives no more text than this.
  static let maxText = 48 << 10

  private let grants: FileGrants

  init(_ access: ToolAccess) { grants = FileGrants(access) }

  @concurrent func list(_ arguments: ToolArguments) async throws -> JSONValue {
    var entries: [JSONValue] = []
    var walk = FileWalk(grants: grants)
    var isCut = false
    for place in try places(arguments) {
      try walk.files(below: place) { place, file in
        guard entries.count < Self.maxListed else {
          isCut = true
          return false
        }
        entries.append(
          ["path": .string(grants.shown(place)), "type": "file", "bytes": .int(Int64(file.size))])
        return true
      }
    }
    return ["entries": .array(entries), "truncated": .bool(isCut || walk.isCut)]
  }

  @concurrent func search(_ arguments: ToolArguments) async throws -> JSONValue {
    let query = try arguments.requiredText("query")
    let limit = try arguments.number("maxResults", in: 1...Self.maxHits) ?? Self.defaultHits
    var paths: [String] = []
    var units: [TextUnit] = []
    var skipped = 0
    var budget = Self.maxSearched
    var isCut = false
    var walk = FileWalk(grants: grants)
    for place in try places(arguments) {
      try walk.files(below: place) { place, file in
        guard file.size <= Self.maxFileSize else {
          skipped += 1
          return true
        }
        let (bytes, _) = try file.bytes(limit: Self.maxFileSize)
        guard bytes.count <= budget else {
          isCut = true
          return false
        }
        budget -= bytes.count
        guard !Self.isBinary(bytes) else {
          skipped += 1
          return true
        }
        let path = grants.shown(place)
        units += TextUnits.split(
          String(decoding: bytes, as: UTF8.self), document: paths.count, isProse: TextUnits.isProse(path: path))
        paths.append(path)
        return true
      }
    }
    let hits = TextRanking(query: query, units: units).hits.prefix(limit).map { hit -> JSONValue in
      let unit = units[hit.unit]
      return [
        "path": .string(paths[unit.document]), "line": .int(Int64(unit.line)), "text": .string(unit.text),
        "score": .int(Int64(hit.score * 1000)),
      ]
    }
    return [
      "hits": .array(Array(hits)), "filesSearched": .int(Int64(paths.count)), "filesSkipped": .int(Int64(skipped)),
      "truncated": .bool(isCut || walk.isCut),
    ]
  }

  @concurrent func read(_ arguments: ToolArguments) async throws -> JSONValue {
    let place = try grants.place(of: try arguments.requiredText("path"))
    let file = try Beneath(root: place.rootPath).open(place.below)
    let path = grants.shown(FileGrants.Place(root: place.root, below: file.components))
    guard !file.isFolder else { throw ToolFailure("'\(path)' is a folder: list it with files.list") }
    let (bytes, isCutFile) = try file.bytes(limit: Self.maxFileSize)
    guard !Self.isBinary(bytes) else { throw ToolFailure("'\(path)' is not a text file") }
    let lines = TextUnits.lines(of: String(decoding: bytes, as: UTF8.self))
    // A newline at the end of a file ends its last line and begins no further one.
    let total = lines.last?.isEmpty == true ? lines.count - 1 : lines.count
    let from = try arguments.number("from", in: 1...Int(Int32.max)) ?? 1
    guard from <= max(1, total) else { throw ToolFailure("'\(path)' has only \(total) lines") }
    let wanted = try arguments.number("lines", in: 1...Self.maxLines) ?? Self.maxLines
    let isNumbered = try arguments.flag("numbered")
    var text = ""
    var last = from - 1
    while last < total, last - from + 1 < wanted {
      let line = (isNumbered ? "\(last + 1)\t" : "") + lines[last] + "\n"
      // The first line is given whatever its length, cut if need be.
      guard text.isEmpty || text.utf8.count + line.utf8.count <= Self.maxText else { break }
      text += line.utf8.count <= Self.maxText ? line : String(decoding: line.utf8.prefix(Self.maxText), as: UTF8.self)
      last += 1
    }
    return [
      "path": .string(path), "from": .int(Int64(from)), "to": .int(Int64(last)), "totalLines": .int(Int64(total)),
      "text": .string(text), "truncated": .bool(last < total || isCutFile),
    ]
  }

  private func places(_ arguments: ToolArguments) throws(ToolFailure) -> [FileGrants.Place] {
    if let path = try arguments.text("path"), !path.isEmpty {
      // The folder above several granted ones stands for all of them.
      if path == ".", (try? grants.place(of: path)) == nil { return grants.everything }
      return [try grants.place(of: path)]
    }
    guard !grants.isEmpty else { throw ToolFailure("no folder is granted to this agent") }
    return grants.everything
  }

  /// A NUL early on is what tells a binary from a text.
  private static func isBinary(_ bytes: [UInt8]) -> Bool { bytes.prefix(8192).contains(0) }
}
