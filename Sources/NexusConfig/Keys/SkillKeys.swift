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
      KeySpec(
        "net", .list(Shape(.text, mapping: .object(skillNet))), default: "none",
        "The hosts that it may send requests to."),
      KeySpec(
        "models", texts, default: "none",
        "The models that it may ask, by the names that agents call them by; the first is asked where it names none."),
      KeySpec(
        "state", boolean, default: "false", "Whether it may read and write the agents' state, below `skills/NAME/`."),
    ])

  static let skillNet = ObjectShape(
    "a host grant of a skill",
    [
      KeySpec("host", text, required: true, "The host's name or address."),
      KeySpec("port", Shape(.integer(1...65_535)), default: "that of `protocol`", "The only port."),
      KeySpec("protocol", Shape(.word(["tls", "http", "web"])), default: "web", "`tls`, `http`, or either (`web`)."),
      KeySpec("addresses", texts, default: "public ones", "The ranges that the name may lead to: `[10.0.0.0/8]`."),
      KeySpec("resolve", texts, default: "looked up", "The addresses that the name has."),
      KeySpec(
        "methods", texts, default: "any",
        "The methods. With none but GET, HEAD and OPTIONS at all hosts, calls of the skill only read."),
      KeySpec("paths", texts, default: "any", "The paths, exactly or as `/v1/*`."),
    ])

  static let skillLimits = ObjectShape(
    "the limits of a skill",
    [
      KeySpec("memory", Shape(.size), default: "64MiB", "Its memory."),
      KeySpec("cpu", duration, default: "10s", "Processor time."),
      KeySpec("wall", duration, default: "30s", "From the call to its end."),
      KeySpec("input", Shape(.size), default: "16MiB", "The input, as JSON."),
      KeySpec("output", Shape(.size), default: "16MiB", "The output, as JSON."),
      KeySpec("requests", Shape(.integer(1...1_000_000)), default: "20", "Requests to hosts."),
      KeySpec("netBytes", Shape(.size), default: "16MiB", "What requests and their answers have, together."),
      KeySpec("modelCalls", Shape(.integer(1...10_000)), default: "10", "Questions to models."),
    ])
}
