// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusConfig
package import NexusCore

/// Dollars as they are typed: `5`, `0.0125`, `$4.20`, and `-0.50` where something is taken off.
package struct MoneyArgument: ExpressibleByArgument, Sendable {
  package let amount: NanoUSD

  package init?(argument: String) {
    let isNegative = argument.hasPrefix("-")
    guard let amount = MoneyText.parse(isNegative ? argument.dropFirst() : argument[...]) else { return nil }
    self.amount = isNegative ? .zero - amount : amount
  }
}
