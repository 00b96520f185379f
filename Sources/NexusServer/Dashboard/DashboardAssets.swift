// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CDashboard
internal import Crypto
internal import NexusAPI
internal import NexusCore

/// The files of the dashboard, embedded in the binary or, for those who work on them, read from a folder.
package struct DashboardAssets: Sendable {
  /// The largest file that is read from a folder.
  private static let maxFileBytes = 4 << 20

  struct Asset: Sendable {
    let path: String
    let file: String
    let contentType: String
    /// Shown to whoever has no session yet.
    let isOpen: Bool
    let summary: String
  }

  /// What is shown to whoever has no session yet: the login page and what it is made of.
  private static let openFiles: Set<String> = ["login.html", "login.js", "style.css", "favicon.svg"]

  /// Every page of the dashboard; all of them are the same file, whose program reads the address.
  static let pages: [Asset] = [
    "/", "/agents", "/agents/{name}", "/supervisors", "/runs", "/runs/{id}", "/pools", "/approvals", "/costs", "/logs",
    "/trust", "/audit", "/system",
  ].map { Asset(path: $0, file: "index.html", contentType: html, isOpen: false, summary: "The dashboard.") }

  /// The paths of `pages`, for telling a browser without a session where to get one.
  static let pagePaths = Set(pages.map(\.path))

  private static let login = Asset(
    path: "/login", file: "login.html", contentType: html, isOpen: true, summary: "The login page.")
  private static let html = "text/html; charset=utf-8"

  /// The content types of the files that have an address of their own, by the ends of their names.
  private static let types = [
    (end: ".js", type: "text/javascript; charset=utf-8", summary: "A part of the dashboard's program."),
    (end: ".css", type: "text/css; charset=utf-8", summary: "The dashboard's style."),
    (end: ".svg", type: "image/svg+xml", summary: "The dashboard's icon."),
  ]

  private struct Embedded: Sendable {
    let bytes: [UInt8]
    let tag: String
  }

  /// In the order of the pages, then of the files.
  let all: [Asset]
  private let embedded: [String: Embedded]
  private let folder: String?

  /// - Parameter folder: `NAOS_DASHBOARD_DIR`, if it is set: files are then read from there at each request.
  package init(folder: String? = nil) {
    self.folder = folder
    var embedded: [String: Embedded] = [:]
    var all = Self.pages + [Self.login]
    for index in 0..<Int(naos_dashboard_file_count) {
      let file = unsafe naos_dashboard_files[index]
      // The table is static and made by our own build.
      let bytes = unsafe Array(UnsafeBufferPointer(start: file.bytes, count: Int(file.length)))
      let name = unsafe String(cString: file.name)
      embedded[name] = Embedded(bytes: bytes, tag: Self.tag(of: bytes))
      if let type = Self.types.first(where: { name.hasSuffix($0.end) }) {
        all.append(
          Asset(
            path: "/" + name, file: name, contentType: type.type, isOpen: Self.openFiles.contains(name),
            summary: type.summary))
      }
    }
    self.embedded = embedded
    self.all = all
  }

  /// A strong validator: the content's hash.
  private static func tag(of bytes: [UInt8]) -> String {
    "\"" + Base64.encodeURL(Array(SHA256.hash(data: bytes).prefix(18))) + "\""
  }

  func answer(_ asset: Asset, ifNoneMatch: String?) throws(OperationError) -> OperatorReply {
    let (bytes, tag) = try content(of: asset)
    let headers = [(name: "etag", value: tag), (name: "cache-control", value: "no-cache")]
    let known = ifNoneMatch?.split(separator: ",").map { $0.filter { $0 != " " } } ?? []
    if known.contains(tag) { return OperatorReply(status: 304, headers: headers, body: .bytes([])) }
    return OperatorReply(contentType: asset.contentType, headers: headers, body: .bytes(bytes))
  }

  private func content(of asset: Asset) throws(OperationError) -> ([UInt8], String) {
    if let folder {
      do {
        let bytes = try Files.read("\(folder)/\(asset.file)", limit: Self.maxFileBytes)
        return (bytes, Self.tag(of: bytes))
      } catch {
        throw .internalFailure("The dashboard's file cannot be read: \(error).")
      }
    }
    guard let file = embedded[asset.file] else { throw .internalFailure("The file \(asset.file) is not embedded.") }
    return (file.bytes, file.tag)
  }
}
