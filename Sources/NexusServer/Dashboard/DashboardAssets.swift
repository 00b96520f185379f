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

  static let all: [Asset] = [
    Asset(path: "/", file: "index.html", contentType: html, isOpen: false, summary: "The dashboard."),
    Asset(path: "/app.js", file: "app.js", contentType: script, isOpen: false, summary: "Its program."),
    Asset(path: "/render.js", file: "render.js", contentType: script, isOpen: false, summary: "Its program."),
    Asset(path: "/stream.js", file: "stream.js", contentType: script, isOpen: false, summary: "Its program."),
    Asset(
      path: "/style.css", file: "style.css", contentType: "text/css; charset=utf-8", isOpen: true, summary: "Style."),
    Asset(path: "/login", file: "login.html", contentType: html, isOpen: true, summary: "The login page."),
    Asset(path: "/login.js", file: "login.js", contentType: script, isOpen: true, summary: "Its program."),
    Asset(path: "/favicon.svg", file: "favicon.svg", contentType: "image/svg+xml", isOpen: true, summary: "The icon."),
  ]

  private static let html = "text/html; charset=utf-8"
  private static let script = "text/javascript; charset=utf-8"

  private struct Embedded: Sendable {
    let bytes: [UInt8]
    let tag: String
  }

  private let embedded: [String: Embedded]
  private let folder: String?

  /// - Parameter folder: `NAOS_DASHBOARD_DIR`, if it is set: files are then read from there at each request.
  package init(folder: String? = nil) {
    self.folder = folder
    var embedded: [String: Embedded] = [:]
    for index in 0..<Int(naos_dashboard_file_count) {
      let file = unsafe naos_dashboard_files[index]
      // The table is static and made by our own build.
      let bytes = unsafe Array(UnsafeBufferPointer(start: file.bytes, count: Int(file.length)))
      unsafe embedded[String(cString: file.name)] = Embedded(bytes: bytes, tag: Self.tag(of: bytes))
    }
    self.embedded = embedded
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
