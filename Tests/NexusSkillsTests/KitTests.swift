// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusConfig
import NexusCore
import NexusSkills
import Testing

@Suite struct KitTests {
  @Test func `a new skill is made in each language`() throws {
    for language in SkillManifest.Language.allCases {
      let files = SkillKit.files(of: "word-count", in: language)
      let manifest = String(decoding: try #require(files["skill.yaml"]), as: UTF8.self)
      #expect(manifest.contains("name: word-count\n") && manifest.contains("lang: \(language.rawValue)\n"))
      #expect(files.values.allSatisfy { !String(decoding: $0, as: UTF8.self).contains("{{") })
    }
  }
}
