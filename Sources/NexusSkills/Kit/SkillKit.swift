// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CTemplates
package import NexusConfig

/// What skills are compiled with, and what new ones are made of.
package enum SkillKit {
  private static let prefix = "skill-"
  private static let native = embedded("skill-kit")
  private static let python = embedded("skill-kit-python")

  /// Whether the embedded template of that name is a part of this, and none of agents.
  package static func owns(_ template: String) -> Bool { template.hasPrefix(prefix) }

  /// The support that is compiled into every skill in a language, by file name.
  package static func support(of language: SkillManifest.Language) -> [String: [UInt8]] {
    language == .python ? python : native
  }

  /// The files of a new skill, by their paths in its folder.
  package static func files(of name: String, in language: SkillManifest.Language) -> [String: [UInt8]] {
    embedded(prefix + language.rawValue).mapValues { bytes in
      Array(String(decoding: bytes, as: UTF8.self).replacing("{{name}}", with: name).utf8)
    }
  }

  private static func embedded(_ template: String) -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    for index in 0..<naos_template_file_count {
      let file = unsafe naos_template_files[Int(index)]
      let owner = unsafe String(cString: file.template_name)
      guard owner == template else { continue }
      let path = unsafe String(cString: file.path)
      // The table is static and made by our own build: the bytes outlive the process's use of them.
      found[path] = unsafe Array(UnsafeBufferPointer(start: file.bytes, count: Int(file.length)))
    }
    return found
  }
}
