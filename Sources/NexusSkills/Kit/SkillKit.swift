// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CTemplates
package import NexusConfig

/// What skills are compiled with, and what new ones are made of.
package enum SkillKit {
  private static let prefix = "skill-"
  private static let kit = "skill-kit"

  /// Whether the embedded template of that name is a part of this, and none of agents.
  package static func owns(_ template: String) -> Bool { template.hasPrefix(prefix) }

  /// The support that is compiled into every skill, by file name.
  package static let support: [String: [UInt8]] = embedded(kit)

  /// The files of a new skill, by their paths in its folder; nil for a language that has none.
  package static func files(of name: String, in language: SkillManifest.Language) -> [String: [UInt8]]? {
    let files = embedded(prefix + language.rawValue)
    guard !files.isEmpty else { return nil }
    return files.mapValues { bytes in
      Array(String(decoding: bytes, as: UTF8.self).replacing("{{name}}", with: name).utf8)
    }
  }

  private static func embedded(_ template: String) -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    for file in unsafe UnsafeBufferPointer(start: naos_template_files, count: naos_template_file_count) {
      guard unsafe String(cString: file.template_name) == template else { continue }
      let bytes = unsafe Array(UnsafeBufferPointer(start: file.bytes, count: file.length))
      found[unsafe String(cString: file.path)] = bytes
    }
    return found
  }
}
