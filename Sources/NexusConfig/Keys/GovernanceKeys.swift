// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

extension ConfigKeys {
  private static let roles = Shape(.literal, sequence: .list(Shape(.literal)))

  static let approval = ObjectShape(
    "an approval",
    [
      name,
      KeySpec("approvers", roles, required: true, "Who may decide: `role:NAME`, the role of operator tokens."),
      KeySpec("quorum", Shape(.integer(1...20)), default: "1", "How many different people have to say yes."),
      KeySpec(
        "requesterMayApprove", boolean, default: "false", "Whether whoever asks may be one of them."),
      KeySpec(
        "expiresIn", Shape(.durationOr(["never"])), default: "24h",
        "How long the question, and the answer to it, is good for; `never` waits for ever."),
      KeySpec(
        "warnAt", Shape(.percentage, sequence: .list(Shape(.percentage))), default: "none",
        "After which parts of that time it is said that it runs out."),
      KeySpec(
        "escalateAt", Shape(.percentage), default: "never", "After which part of that time others may decide too."),
      KeySpec("escalateTo", roles, default: "none", "Those others: `role:NAME`."),
      KeySpec(
        "onExpire", Shape(.word(["deny", "approve"])), default: "deny",
        "What silence means: `deny`. `approve` is refused."),
      KeySpec(
        "channels", Shape(.literal, sequence: .list(Shape(.literal))), default: "none",
        "Who is told of it: `webhook:NAME`, of `webhooks`."),
    ])

  static let webhook = ObjectShape(
    "a webhook",
    [
      name,
      KeySpec("url", text, required: true, "Where it is posted to: `https://…`, or `http://` on this machine."),
      KeySpec("secret", text, required: true, "What signs it, as `${NAME}`: whoever receives it has the same."),
    ])

  static let governance = ObjectShape(
    "the governance of actions",
    [
      KeySpec(
        "default", Shape(.word(["deny", "permit"])), default: "deny",
        "What becomes of an action that no boundary permits."),
      KeySpec(
        "onForbidden", word(GovernanceSpec.OnForbidden.self), default: "stop",
        "`stop`: the run is stopped, and what it did is undone as configured. `refuse`: the agent is told, and goes on."
      ),
      KeySpec(
        "tools", .dictionary(.free, .object(governedTool)), default: "none",
        "The tools that may be called at all, by name; a call of another agent is `agents.NAME`."),
      KeySpec("boundaries", .list(.object(boundary)), default: "none", "What is permitted, and what is not."),
      KeySpec(
        "onStaleContext", word(GovernanceSpec.OnForbidden.self), default: "refuse",
        "When what a step has read does not hold any more and it wants to act: `refuse` tells the agent, which reads anew; `stop` stops the run."
      ),
      KeySpec(
        "stopWhen", .list(word(StopCondition.self)), default: "none",
        "The doubts about a run that halt it: nothing of it goes on until a person decides."),
    ])

  static let governedTool = ObjectShape(
    "a governed tool",
    [
      KeySpec(
        "effect", word(EffectClass.self), default: "irreversible", "How hard it is to undo what it does."),
      KeySpec("labels", .list(text), default: "none", "Words of your own that boundaries can look for."),
      KeySpec("egress", boolean, default: "true", "Whether what goes in may leave the project."),
      KeySpec(
        "schema", .anything, default: "anything",
        "A JSON Schema of its arguments: in place, or the path of its file. Arguments that break it never reach the tool."
      ),
    ])

  static let boundary = ObjectShape(
    "a boundary",
    [
      KeySpec("id", Shape(.name(.plain)), required: true, "By which refusals name it."),
      KeySpec("match", Shape(.literal), default: "every action", "An expression (CEL): which actions it is about."),
      KeySpec("permit", Shape(.literal), default: "permits nothing", "An expression: which of them may happen."),
      KeySpec(
        "forbid", Shape(.literal), default: "forbids nothing", "An expression: which may not, whatever permits them."),
      KeySpec(
        "requireApproval", Shape(.literal), default: "none",
        "An expression: which a person has to approve first; without `permit`, those are permitted with it."),
      KeySpec(
        "approval", Shape(.name(.plain)), default: "the only one of `approvals`",
        "Whose approval, by its name in `approvals`."),
      KeySpec("message", Shape(.literal), default: "that the boundary says so", "What is said of it."),
    ])
}
