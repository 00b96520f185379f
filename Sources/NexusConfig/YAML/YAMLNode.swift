// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusDiagnostics

/// One value of a YAML document, with the place where it was written.
package struct YAMLNode: Sendable, Hashable {
  package enum Content: Sendable, Hashable {
    case scalar(YAMLScalar)
    case sequence([YAMLNode])
    case mapping([YAMLEntry])
  }

  /// A place between two characters: line and column, both from 0.
  package struct Mark: Sendable, Hashable {
    package var line: Int
    package var column: Int
  }

  package var content: Content
  package var location: SourceLocation
  package var start: Mark
  package var end: Mark
  /// Written with braces or brackets.
  package var isFlow: Bool
  /// How many nodes there are below, this one included, with every alias written out.
  package var weight: Int
  /// How many levels there are below, this one included.
  package var height: Int

  /// As a message names it.
  package var kindWord: String {
    switch content {
    case .scalar(let scalar): scalar.isNull ? "nothing" : "a single value"
    case .sequence: "a list"
    case .mapping: "a map"
    }
  }

  package var isNull: Bool {
    if case .scalar(let scalar) = content { return scalar.isNull }
    return false
  }
}

package struct YAMLScalar: Sendable, Hashable {
  package var text: String
  /// Neither quoted nor a block scalar.
  package var isPlain: Bool

  /// Null by the core schema of YAML 1.2.
  package var isNull: Bool { isPlain && ["", "~", "null", "Null", "NULL"].contains(text) }
}

/// One member of a mapping; keys are always scalars.
package struct YAMLEntry: Sendable, Hashable {
  package var key: String
  package var keyLocation: SourceLocation
  package var keyStart: YAMLNode.Mark
  package var value: YAMLNode
}

/// The bounds of what is read; whatever is larger is refused with a diagnostic.
package enum ConfigLimits {
  /// The largest file, in bytes.
  package static let maxFileBytes = 1 << 20
  /// How many nodes one file may have once every alias is written out.
  package static let maxNodes = 100_000
  /// How deep maps and lists may nest.
  package static let maxDepth = 64
  /// How many files one project may include.
  package static let maxFiles = 256
  /// How many directory entries one pattern of `include` may look at.
  package static let maxDirectoryEntries = 10_000
  /// The longest prompt, in bytes of JSON.
  package static let maxPromptBytes = 64 << 10
  /// The most rules of a script.
  package static let maxScriptRules = 1000
  /// The longest scalar once its variables are put in, in bytes.
  package static let maxScalarBytes = 1 << 20
}
