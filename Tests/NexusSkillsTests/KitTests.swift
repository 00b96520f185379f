// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusConfig
import NexusCore
import NexusSkills
import Testing

@Suite struct KitTests {
  @Test func `a new skill is made for each language that can be built`() throws {
    for language in [SkillManifest.Language.swift, .c] {
      let files = try #require(SkillKit.files(of: "word-count", in: language))
      let manifest = String(decoding: try #require(files["skill.yaml"]), as: UTF8.self)
      #expect(manifest.contains("name: word-count\n"))
      #expect(files.values.allSatisfy { !String(decoding: $0, as: UTF8.self).contains("{{") })
    }
    #expect(SkillKit.files(of: "word-count", in: .python) == nil)
  }
}
