// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusKernel

extension ConfigKeys {
  static let health = ObjectShape(
    "a health check",
    [
      KeySpec("startup", .object(probe), default: "none", "Whether it has started; the other probes wait for it."),
      KeySpec("liveness", .object(probe), default: "none", "Whether it still works; if not, its process is ended."),
      KeySpec(
        "readiness", .object(readinessProbe), default: "none", "Whether it takes tasks; if not, it is given none."),
      KeySpec(
        "stuckAfter", Shape(.durationOr(["off"])), default: "10m",
        "How long it may work without any activity before its state is `stuck`."),
      KeySpec(
        "onStuck", word(OnStuck.self), default: "report", "`report`: shows the state. `restart`: ends its process."),
    ])

  static let probe = ObjectShape(
    "a probe",
    asks + [
      KeySpec("successThreshold", Shape(.word(["1"])), default: "1", "Of these probes always 1.")
    ])

  static let readinessProbe = ObjectShape(
    "a readiness probe",
    asks + [
      KeySpec("successThreshold", count(1), default: "1", "How many hits in a row make it ready again.")
    ])

  private static let asks: [KeySpec] = [
    KeySpec(
      "http", Shape(.text, mapping: .object(httpProbe)), aliases: ["httpGet"],
      "A GET; an answer from 200 to 399 is a hit."),
    KeySpec(
      "exec", Shape(.text, sequence: .list(text), mapping: .object(execProbe)),
      "A command in its folder and environment; exit 0 is a hit."),
    KeySpec("heartbeat", boolean, default: "false", "It calls `POST /agent/v1/heartbeat` in every interval."),
    KeySpec(
      "initialDelay", duration, aliases: ["initialDelaySeconds"], default: "0s", "The wait before the first run."),
    KeySpec(
      "interval", duration, aliases: ["periodSeconds"], default: "10s", "The time from run to run."),
    KeySpec("timeout", duration, aliases: ["timeoutSeconds"], default: "1s", "How long a run may take."),
    KeySpec("failureThreshold", count(1), default: "3", "How many misses in a row are a failure."),
  ]

  static let httpProbe = ObjectShape(
    "an http probe",
    [
      KeySpec("port", Shape(.integer(1...65_535)), required: true, "The port that the agent listens on."),
      KeySpec("path", text, default: "/", "The path, and a query if it needs one."),
      KeySpec("host", text, default: "127.0.0.1", "The host: this machine, or one of `sandbox.net`."),
      KeySpec("scheme", Shape(.word(["http", "https"])), default: "http", "The scheme."),
    ])

  static let execProbe = ObjectShape(
    "an exec probe",
    [
      KeySpec(
        "command", Shape(.text, sequence: .list(text)), required: true,
        "The program and its arguments: a list, or one text split without a shell.")
    ])
}
