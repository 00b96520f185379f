// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The rows of the built-in table.
enum PriceRows {
  static let asOf = "2026-11-05"
  static let text = """
    openai/gpt-4o 2.5 10 read=1.25 window=128000 max=16384
    openai/gpt-4o-mini 0.15 0.6 read=0.075 window=128000 max=16384
    """
}
