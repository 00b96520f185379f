// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAudit
import NexusCore
import Testing

/// The form of entries.
@Suite struct EntryTests {
  @Test func `an entry is canonical JSON, with only what it says`() {
    let record = AuditRecord(
      .operatorRequest, by: AuditActor("owner", .operator, .token), run: RunID("run_1"),
      subject: "POST /api/v1/runs/{id}/kill", details: ["request": "b-1"],
      at: WallTime(microseconds: 1_000_000), monotonic: Instant(nanoseconds: 5_000))
    let entry = AuditEntry.encode(record, at: AuditEntry.Place(sequence: 7, epoch: 2))
    #expect(
      String(decoding: entry, as: UTF8.self) == """
        {"actor":{"authn":"token","id":"owner","kind":"operator"},"at":"1970-01-01T00:00:01.000Z",\
        "details":{"request":"b-1"},"epoch":2,"event":"operator.request","mono":5,"run":"run_1","seq":7,\
        "subject":"POST /api/v1/runs/{id}/kill","v":1}
        """)
  }

  @Test func `every member has its place`() throws {
    let payload = try #require(AuditPayload([1, 2], salt: Array(repeating: 9, count: AuditPayload.saltBytes)))
    let record = AuditRecord(
      .approval, by: AuditActor("ann", .operator, .session), run: RunID("run_1"), step: StepPath("a[0].b"),
      agent: AgentName("writer"), subject: "eff_1", verdict: "pass", policy: "p", input: "i",
      contexts: ["doc": "3", "a": "1"], approval: "apr_1", cost: NanoUSD(12), outcome: "granted", code: "NX-APR-001",
      payload: payload)
    var head = AuditHead(origin: "o", epoch: 1)
    let entry = try JSONValue(parsing: head.append(record).entry)
    #expect(entry["contexts"] == ["a": "1", "doc": "3"])
    #expect(entry["payload"]?.stringValue == AuditDigest.of(payload))
    for (key, text) in [
      ("step", "a[0].b"), ("agent", "writer"), ("subject", "eff_1"), ("verdict", "pass"), ("policy", "p"),
      ("input", "i"), ("approval", "apr_1"), ("outcome", "granted"), ("code", "NX-APR-001"),
    ] { #expect(entry[key]?.stringValue == text) }
    #expect(entry["costNanoDollars"]?.intValue == 12)
  }

  @Test func `long texts are cut off between characters, and details that are too long are left out`() throws {
    let long = String(repeating: "ä", count: 4000)
    var record = AuditRecord(.boundary, subject: long)
    let place = AuditEntry.Place(sequence: 0, epoch: 1)
    let entry = try JSONValue(parsing: AuditEntry.encode(record, at: place))
    let subject = try #require(entry["subject"]?.stringValue)
    #expect(subject.utf8.count <= AuditEntry.maxTextBytes && subject.hasSuffix("ä…"))
    record.details = ["text": .string(long), "more": .string(long), "evenMore": .string(long)]
    let bytes = AuditEntry.encode(record, at: place)
    #expect(bytes.count <= AuditEntry.maxBytes)
    #expect(try JSONValue(parsing: bytes)["details"]?["omitted"]?.intValue ?? 0 > Int64(AuditEntry.maxBytes))
  }

  @Test func `the same payload has another digest with another salt`() throws {
    let one = try #require(AuditPayload([1], salt: [1]))
    let other = try #require(AuditPayload([1], salt: [2]))
    #expect(AuditDigest.of(one) != AuditDigest.of(other))
    #expect(AuditPayload(Array(repeating: 0, count: AuditPayload.maxBytes + 1), salt: [1]) == nil)
  }
}
