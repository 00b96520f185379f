// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What is kept under one key of the project's state: its versions, who wrote them, and who has read them.
///
/// A pure value: whoever changes it writes it back under the revision that it was read with, and looks again if somebody
/// was faster.
package struct ContextRecord: Sendable, Hashable {
  /// Versions of which it is known who wrote and who read them.
  package static let maxVersions = 16
  /// Writers whose last value is kept, to be brought back should the one after it be rejected.
  package static let maxValues = 3
  /// Readers of a version that are named.
  package static let maxReaders = 100
  /// The largest value, as JSON.
  package static let maxValueBytes = 64 << 10
  /// Keys that a project may have.
  package static let maxKeys = 10_000

  package var key: String
  /// How often it was written; a change names the one that it goes out from.
  package var revision: Int
  /// The oldest first.
  package private(set) var versions: [ContextVersion]

  package init(key: String, revision: Int = 0, versions: [ContextVersion] = []) {
    self.key = key
    self.revision = revision
    self.versions = versions
  }

  package var current: ContextVersion? { versions.last }

  package var standing: ContextStanding? {
    current.map {
      ContextStanding(version: $0.number, digest: $0.digest, validUntil: $0.validUntil, value: $0.value)
    }
  }

  /// What became of a write.
  package enum WriteAnswer: Sendable, Hashable {
    case written(Int64)
    /// The same writer has written the same before: an attempt that begins anew asks again.
    case known(Int64)
    /// Somebody else has written meanwhile.
    case conflict(current: Int64)
  }

  /// Writes a value over the version that the writer knows; 0 for a key without one.
  package mutating func write(
    _ value: JSONValue, digest: String, over expected: Int64, by writer: ContextWriter, at time: WallTime,
    validUntil: WallTime?
  ) -> WriteAnswer {
    let now = current?.number ?? 0
    if let current, now == expected + 1, current.digest == digest, current.writer.isSameStep(as: writer),
      !current.isQuarantined, current.restores == nil
    {
      return .known(now)
    }
    guard now == expected else { return .conflict(current: now) }
    append(
      ContextVersion(
        number: now + 1, value: value, digest: digest, at: time, validUntil: validUntil, writer: writer))
    return .written(now + 1)
  }

  /// Somebody has read the current version.
  package mutating func noteReader(_ reader: ContextReader) {
    guard let last = versions.indices.last else { return }
    let isKnown = versions[last].readers.contains { $0.run == reader.run && $0.step == reader.step }
    guard !isKnown else { return }
    if versions[last].readers.count < Self.maxReaders {
      versions[last].readers.append(reader)
    } else {
      versions[last].moreReaders += 1
    }
  }

  /// What came out of the step was rejected, so what it wrote is not to be read either: the last good value holds again.
  ///
  /// - Returns: the versions that were good until now.
  package mutating func quarantine(_ writer: ContextWriter, at time: WallTime) -> [ContextVersion] {
    var found: [ContextVersion] = []
    // What was brought back is its writer's, too.
    for index in versions.indices where versions[index].writer.isSameStep(as: writer) && !versions[index].isQuarantined
    {
      versions[index].isQuarantined = true
      found.append(versions[index])
    }
    guard let current, current.isQuarantined else { return found }
    let good = versions.last { !$0.isQuarantined && ($0.value != nil || $0.digest == nil) }
    append(
      ContextVersion(
        number: current.number + 1, value: good?.value, digest: good?.digest, at: time, validUntil: good?.validUntil,
        writer: good?.writer ?? writer.withoutAttempt, restores: good?.number ?? 0))
    return found
  }

  private mutating func append(_ version: ContextVersion) {
    versions.append(version)
    if versions.count > Self.maxVersions { versions.removeFirst(versions.count - Self.maxVersions) }
    // Of what nobody will go back to only the digest is kept: of each of the last writers the last word is.
    var writers: [ContextWriter] = []
    for index in versions.indices.reversed() where versions[index].value != nil {
      let isLast = !versions[index].isQuarantined && !writers.contains(versions[index].writer)
      if isLast, writers.count < Self.maxValues {
        writers.append(versions[index].writer)
      } else {
        versions[index].value = nil
      }
    }
  }
}

/// Who has written: an attempt of a step, or a service by itself.
package struct ContextWriter: Sendable, Hashable {
  package var agent: AgentName
  package var run: RunID?
  package var step: StepPath
  package var attempt: AttemptNumber
  package init(agent: AgentName, run: RunID?, step: StepPath, attempt: AttemptNumber) {
    self.agent = agent
    self.run = run
    self.step = step
    self.attempt = attempt
  }

  /// Nobody's: a step that is rejected once is not rejected again for what stands in its place.
  var withoutAttempt: ContextWriter { ContextWriter(agent: agent, run: nil, step: step, attempt: AttemptNumber(0)) }

  func isSameStep(as other: ContextWriter) -> Bool {
    run != nil && run == other.run && step == other.step && agent == other.agent
  }
}

/// Who has read.
package struct ContextReader: Sendable, Hashable {
  package var run: RunID
  package var step: StepPath
  package var at: WallTime
  package init(run: RunID, step: StepPath, at: WallTime) {
    self.run = run
    self.step = step
    self.at = at
  }
}

/// One version of what is kept under a key.
package struct ContextVersion: Sendable, Hashable {
  package var number: Int64
  /// Nil: there is none, or it is not kept any more.
  package var value: JSONValue?
  /// Nil: there is nothing under the key.
  package var digest: String?
  package var at: WallTime
  package var validUntil: WallTime?
  package var writer: ContextWriter
  /// What came out of its writer was rejected.
  package var isQuarantined = false
  /// The good version that it brings back after that; 0 for the time before there was one.
  package var restores: Int64?
  package var readers: [ContextReader] = []
  package var moreReaders = 0

  package init(
    number: Int64, value: JSONValue?, digest: String?, at: WallTime, validUntil: WallTime? = nil,
    writer: ContextWriter, isQuarantined: Bool = false, restores: Int64? = nil, readers: [ContextReader] = [],
    moreReaders: Int = 0
  ) {
    self.number = number
    self.value = value
    self.digest = digest
    self.at = at
    self.validUntil = validUntil
    self.writer = writer
    self.isQuarantined = isQuarantined
    self.restores = restores
    self.readers = readers
    self.moreReaders = moreReaders
  }
}
