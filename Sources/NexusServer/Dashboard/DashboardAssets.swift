// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CDashboard
internal import Crypto
internal import NexusAPI
internal import NexusCore

/// The files of the dashboard, embedded in the binary or, for those who work on them, read from a folder.
///
/// Embedded, the program is one file, whose address holds the hash of its content and never changes what it means. In a
/// folder it is the modules that people write, each at its own name.
package struct DashboardAssets: Sendable {
  /// The largest file that is read from a folder.
  private static let maxFileBytes = 4 << 20

  struct Asset: Sendable {
    let path: String
    let file: String
    let contentType: String
    /// Shown to whoever has no session yet.
    let isOpen: Bool
    /// Whether the address names the content, so that whoever has it need not ask again.
    var isImmutable = false
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

  private struct Content: Sendable {
    let bytes: [UInt8]
    /// The same, compressed by gzip; nil for what is read from a folder.
    var packed: [UInt8]?
    let hash: String
  }

  /// In the order of the pages, then of the files.
  let all: [Asset]
  private let embedded: [String: Content]
  private let folder: String?

  /// - Parameter folder: `NAOS_DASHBOARD_DIR`, if it is set: files are then read from there at each request.
  package init(folder: String? = nil) {
    self.folder = folder
    var embedded: [String: Content] = [:]
    for index in 0..<Int(naos_dashboard_file_count) {
      let file = unsafe naos_dashboard_files[index]
      // The table is static and made by our own build.
      let bytes = unsafe Array(UnsafeBufferPointer(start: file.bytes, count: Int(file.length)))
      let packed = unsafe Array(UnsafeBufferPointer(start: file.packed, count: Int(file.packed_length)))
      unsafe embedded[String(cString: file.name)] = Content(bytes: bytes, packed: packed, hash: Self.hash(of: bytes))
    }
    self.embedded = embedded
    let files =
      folder.map { folder in ((try? Files.list(folder)) ?? []).map { (name: $0, path: "/" + $0) } }
      ?? embedded.sorted { $0.key < $1.key }.map { (name: $0.key, path: Self.address(of: $0.key, $0.value)) }
    all =
      Self.pages + [Self.login]
      + files.compactMap { file in
        Self.types.first { file.name.hasSuffix($0.end) }.map {
          Asset(
            path: file.path, file: file.name, contentType: $0.type, isOpen: Self.openFiles.contains(file.name),
            isImmutable: folder == nil, summary: $0.summary)
        }
      }
  }

  /// `/app-0123456789ab.js`: what `scripts/embed-dashboard.sh` wrote into the pages.
  private static func address(of name: String, _ content: Content) -> String {
    let parts = name.split(separator: ".", maxSplits: 1)
    return "/\(parts[0])-\(content.hash.prefix(12)).\(parts[1])"
  }

  private static func hash(of bytes: [UInt8]) -> String {
    SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  func answer(_ asset: Asset, request: OperatorRequest) throws(OperationError) -> OperatorReply {
    let content = try content(of: asset)
    let packed = Self.takesGzip(request.headers["accept-encoding"]) ? content.packed : nil
    // A strong validator: the content's hash, and how it is encoded.
    let tag = "\"\(content.hash.prefix(24))\(packed == nil ? "" : "-gzip")\""
    var headers = [
      (name: "etag", value: tag), (name: "vary", value: "accept-encoding"),
      (name: "cache-control", value: asset.isImmutable ? "public, max-age=31536000, immutable" : "no-cache"),
    ]
    let known = request.headers["if-none-match"]?.split(separator: ",").map { $0.filter { $0 != " " } } ?? []
    if known.contains(tag) { return OperatorReply(status: 304, headers: headers, body: .bytes([])) }
    if packed != nil { headers.append((name: "content-encoding", value: "gzip")) }
    return OperatorReply(contentType: asset.contentType, headers: headers, body: .bytes(packed ?? content.bytes))
  }

  /// Whether `Accept-Encoding` names gzip, and not only to refuse it.
  static func takesGzip(_ header: String?) -> Bool {
    (header ?? "").split(separator: ",").contains { choice in
      let parts = choice.split(separator: ";").map { $0.filter { $0 != " " } }
      guard let name = parts.first?.lowercased(), name == "gzip" || name == "*" else { return false }
      return !parts.dropFirst().contains { $0.lowercased().hasPrefix("q=") && (Double($0.dropFirst(2)) ?? 1) == 0 }
    }
  }

  private func content(of asset: Asset) throws(OperationError) -> Content {
    if let folder {
      do {
        let bytes = try Files.read("\(folder)/\(asset.file)", limit: Self.maxFileBytes)
        return Content(bytes: bytes, hash: Self.hash(of: bytes))
      } catch {
        throw .internalFailure("The dashboard's file cannot be read: \(error).")
      }
    }
    guard let file = embedded[asset.file] else { throw .internalFailure("The file \(asset.file) is not embedded.") }
    return file
  }
}
