// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
package import NexusConfig
internal import NexusGateway

/// What configurations are checked by where they say that one model is cheaper than another.
package enum PriceComparisons {
  /// By all prices that a node of the project would know; files of prices that cannot be read are reported elsewhere.
  package static func comparison(in project: String) -> CheaperCheck {
    { model, other, prices in
      let overlay = (try? PriceFiles.look(project).0) ?? PriceOverlay.none
      return PriceBook(prices: prices, overlay: overlay).isCheaper(model, than: other)
    }
  }
}
