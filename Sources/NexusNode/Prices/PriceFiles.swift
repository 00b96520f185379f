// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusGateway

/// The files of prices in a project's `prices.d`, in the order of their names.
enum PriceFiles {
  static let folder = "prices.d"
  static let suffix = ".prices"
  /// The file that `naos prices update` writes.
  static let update = folder + "/update" + suffix
  static let maxBytes = 4 << 20

  /// All rows of all files, the later over the earlier.
  ///
  /// - Throws: `OperationError` with every line that is no row: a price that nobody can read is not passed over.
  static func read(_ project: String) throws(OperationError) -> PriceOverlay {
    let (overlay, problems) = try look(project)
    guard let first = problems.first else { return overlay }
    throw OperationError(
      .configuration, code: GatewayError.Code.malformedPrices.rawValue, title: "A file of prices cannot be read",
      detail: problems.map(words).joined(separator: "\n"),
      hint: "Write `provider/model input output [key=value …]` in dollars per million tokens into line \(first.line).")
  }

  static func words(_ problem: PriceOverlay.Problem) -> String {
    "\(problem.file):\(problem.line): no row of prices: \(problem.text)"
  }

  static func look(_ project: String) throws(OperationError) -> (PriceOverlay, [PriceOverlay.Problem]) {
    var overlay = PriceOverlay()
    var problems: [PriceOverlay.Problem] = []
    do {
      let path = "\(project)/\(folder)"
      guard Files.exists(path) else { return (overlay, []) }
      for name in try Files.list(path).sorted() where name.hasSuffix(suffix) {
        let text = String(decoding: try Files.read("\(path)/\(name)", limit: maxBytes), as: UTF8.self)
        problems += overlay.read(text, file: "\(folder)/\(name)")
      }
    } catch {
      throw OperationError(
        .configuration, code: GatewayError.Code.malformedPrices.rawValue, title: "A file of prices cannot be read",
        detail: error.description)
    }
    return (overlay, problems)
  }
}
