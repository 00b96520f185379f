// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// What the parts of messages, and the tools, of one API mean for what a request can cost.
struct PartRules: Sendable {
  enum Part: Sendable {
    /// Text, which counts by its bytes.
    case text
    /// A picture; where its bytes are in the body they stand in these members, a path each.
    case picture([[String]])
    /// Sound, which counts by its bytes.
    case sound([String])
    /// Content inside content.
    case nested(String)
    /// A document: text if its source says so, else pages that the provider keeps or fetches.
    case document
    /// What is in that member, sealed; without it the part only names what the provider keeps.
    case sealed(String)
    /// What the provider keeps or fetches, or counts by its pages: bounded by what the model can take.
    case kept
  }

  /// By their `type`.
  var parts: [String: Part]
  /// Items of a list that are no messages, by their `type`.
  var items: [String: Part] = [:]
  /// The types of tools that the agent itself runs; a tool without a type is one.
  var ownTools: [String]
  /// Of those, the ones that come with text of the provider's.
  var hiddenText: [String] = []
  /// The types of tools that the provider runs, and where each states how often it may be used.
  var hostedTools: [(type: String, tool: HostedTool, uses: String?)] = []

  func isOwn(_ type: String) -> Bool { ownTools.contains { Self.names($0, type) } }

  func hosted(_ type: String) -> (tool: HostedTool, uses: String?)? {
    hostedTools.first { Self.names($0.type, type) }.map { ($0.tool, $0.uses) }
  }

  /// A name that ends in an underscore has a date or a version behind it.
  private static func names(_ name: String, _ type: String) -> Bool {
    name.hasSuffix("_") ? type.hasPrefix(name) : type == name
  }

  static let none = PartRules(parts: [:], ownTools: [])
}
