// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// Turns the state that agents share into what operators read; the same with and without a node.
enum StateReports {
  static func list(after key: String?, limit: Int, in store: any Store) async throws(StoreError) -> StateList {
    let keys = try await store.contextKeys(after: key, limit: limit + 1)
    let shown = Array(keys.prefix(limit))
    let records = try await store.context(shown)
    let reports = shown.compactMap { records[$0] }.map { record in
      StateReport(key: record.key, versions: record.current.map { [version($0)] } ?? [])
    }
    return StateList(keys: reports, next: keys.count > limit ? shown.last : nil)
  }

  static func report(_ key: String, in store: any Store) async throws(StoreError) -> StateReport? {
    try await store.context([key])[key].map { StateReport(key: key, versions: $0.versions.reversed().map(version)) }
  }

  private static func version(_ version: ContextVersion) -> StateVersionReport {
    var report = StateVersionReport(
      number: version.number, at: version.at, agent: version.writer.agent.text, step: version.writer.step.text)
    report.value = version.value
    report.digest = version.digest
    report.validUntil = version.validUntil
    report.run = version.writer.run
    report.isQuarantined = version.isQuarantined
    report.restores = version.restores
    report.readers = version.readers.map { "\($0.run)/\($0.step)" }
    report.moreReaders = version.moreReaders
    return report
  }
}
