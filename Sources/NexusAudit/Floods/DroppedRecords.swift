// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Records that were not written one by one, added up.
struct DroppedRecords: Sendable {
  /// What is added up of connections, and of denials.
  private static let counted = ["sent", "received", "requests", "count"]
  /// Places that are named in one entry take so many bytes of it at most; it has 16 KiB.
  private static let mostPlaceBytes = 10_000

  private struct Sum {
    var dropped: Int64 = 0
    var counts: [String: Int64] = [:]

    mutating func add(_ record: AuditRecord) {
      dropped += 1
      for key in DroppedRecords.counted {
        guard let count = record.details[key]?.intValue else { continue }
        let (total, isOver) = counts[key, default: 0].addingReportingOverflow(count)
        counts[key] = isOver ? .max : total
      }
    }

    var json: JSONObject {
      var json: JSONObject = ["dropped": .int(dropped)]
      for (key, count) in counts.sorted(by: { $0.key < $1.key }) { json[key] = .int(count) }
      return json
    }
  }

  /// Where connections led, and with which secrets.
  private struct Place: Hashable {
    let host: String
    let port: Int64
    let secrets: [String]

    init(_ record: AuditRecord) {
      host = record.subject ?? ""
      port = record.details["port"]?.intValue ?? 0
      secrets = record.details["secrets"]?.arrayValue?.compactMap(\.stringValue) ?? []
    }

    var bytes: Int { secrets.reduce(host.utf8.count + 160) { $0 + $1.utf8.count + 4 } }
  }

  let since: Instant
  private let hasPlaces: Bool
  private var all = Sum()
  private var places: [Place: Sum] = [:]
  /// In the order of their coming.
  private var order: [Place] = []
  private var placeBytes = 0

  init(since: Instant, hasPlaces: Bool) {
    self.since = since
    self.hasPlaces = hasPlaces
  }

  /// Whether its place can still be named.
  func hasRoom(for record: AuditRecord) -> Bool {
    guard hasPlaces else { return true }
    let place = Place(record)
    return places[place] != nil || placeBytes + place.bytes <= Self.mostPlaceBytes
  }

  mutating func add(_ record: AuditRecord) {
    all.add(record)
    guard hasPlaces else { return }
    let place = Place(record)
    if places[place] == nil {
      order.append(place)
      placeBytes += place.bytes
    }
    places[place, default: Sum()].add(record)
  }

  func record(_ key: FloodGate.Key, at now: Instant) -> AuditRecord {
    var details = all.json
    details["milliseconds"] = .int((now - since).wholeMilliseconds)
    if let plane = key.plane { details["plane"] = .string(plane) }
    let event: AuditEvent
    switch key.lane {
    case .access: event = .accessRefused
    case .call: event = .callRefused
    case .denial: event = .sandboxDenied
    case .refusal, .flow, .opening:
      event = .sandboxFlow
      details["reached"] = .bool(key.lane != .refusal)
    }
    if hasPlaces {
      details["places"] = .array(
        order.map { place in
          var json = places[place]?.json ?? [:]
          json["host"] = .string(place.host)
          json["port"] = .int(place.port)
          if !place.secrets.isEmpty { json["secrets"] = .array(place.secrets.map { .string($0) }) }
          return .object(json)
        })
    }
    return AuditRecord(
      .accessFlooded, run: key.run, agent: key.agent, subject: event.rawValue,
      outcome: key.lane == .opening ? EgressFlow.open : nil, details: details)
  }
}
