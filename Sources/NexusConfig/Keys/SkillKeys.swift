// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What `skill.yaml` may say.
extension ConfigKeys {
  static let skill = ObjectShape(
    "a skill",
    [
      KeySpec("name", Shape(.name(.plain)), required: true, "Its name, which is that of its folder."),
      KeySpec("version", Shape(.literal), required: true, "Its version: `1.0.0`."),
      KeySpec("description", Shape(.literal), required: true, "What it does, for people and for models."),
      KeySpec("lang", word(SkillManifest.Language.self), required: true, "What its source is written in."),
      KeySpec("input", .anything, required: true, "The JSON Schema of its input, in place or the path of its file."),
      KeySpec("output", .anything, required: true, "The JSON Schema of its output, in place or the path of its file."),
      KeySpec("limits", .object(skillLimits), default: "none of its own", "What one call may use."),
      KeySpec(
        "grants", .list(word(SkillManifest.Grant.self)), default: "none", "What of its host it may use besides `log`."),
    ])

  static let skillLimits = ObjectShape(
    "the limits of a skill",
    [
      KeySpec("memory", Shape(.size), default: "64MiB", "Its memory."),
      KeySpec("cpu", duration, default: "10s", "Processor time."),
      KeySpec("wall", duration, default: "30s", "From the call to its end."),
      KeySpec("input", Shape(.size), default: "16MiB", "The input, as JSON."),
      KeySpec("output", Shape(.size), default: "16MiB", "The output, as JSON."),
    ])
}
