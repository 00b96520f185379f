// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension ConfigKeys {
  static let audit = ObjectShape(
    "the audit log",
    [
      KeySpec(
        "anchor", text, default: "none",
        "A second file for the newest signed checkpoint, best where agents and the node's user cannot write later: "
          + "another disk, a mount that is copied away."),
      KeySpec("every", duration, default: "10s", "The time between two checkpoints while there is something new."),
      KeySpec(
        "retention", duration, default: "180d", "How long entries are kept; at least a day."),
      KeySpec("announce", boolean, default: "false", "Whether the node's log says each checkpoint."),
    ])
}
