// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// How what is kept under a key of the project's state stands in the database: one JSON object, times in microseconds
/// since 1970.
///
/// Decoding is strict, as that of the journal's entries is.
package enum ContextFormat {
  /// The version that is written.
  package static let version: Int64 = 1

  package static func encode(_ record: ContextRecord) -> [UInt8] {
    let form: JSONValue = [
      "v": .int(version), "key": .string(record.key), "versions": .array(record.versions.map(form)),
    ]
    return form.encoded()
  }

  /// - Throws: `corrupt` if the bytes are no record that this version knows.
  package static func decode(_ bytes: [UInt8], revision: Int) throws(StoreError) -> ContextRecord {
    let json: JSONValue
    do { json = try JSONValue(parsing: bytes) } catch { throw corrupt("\(error)") }
    do throws(FormatError) {
      var members = try MemberReader(json)
      guard try members.integer("v") == version else { throw FormatError("its version is unknown") }
      let key = try members.string("key")
      guard let forms = try members.value("versions").arrayValue else { throw FormatError("it has no versions") }
      try members.finish()
      var versions: [ContextVersion] = []
      for form in forms { versions.append(try one(form)) }
      return ContextRecord(key: key, revision: revision, versions: versions)
    } catch {
      throw corrupt(error.message)
    }
  }

  private static func corrupt(_ message: String) -> StoreError {
    StoreError(.corrupt, "a key of the project's state cannot be read: \(message)")
  }

  // MARK: Writing

  private static func form(_ version: ContextVersion) -> JSONValue {
    var object: JSONObject = [
      "number": .int(version.number), "at": .int(version.at.microseconds), "agent": .string(version.writer.agent.text),
      "step": .string(version.writer.step.text), "attempt": .int(Int64(version.writer.attempt.value)),
      "isQuarantined": .bool(version.isQuarantined), "moreReaders": .int(Int64(version.moreReaders)),
      "readers": .array(
        version.readers.map {
          ["run": .string($0.run.text), "step": .string($0.step.text), "at": .int($0.at.microseconds)]
        }),
    ]
    object["run"] = version.writer.run.map { .string($0.text) }
    // A value of null is a value.
    object["value"] = version.value.map { .array([$0]) }
    object["digest"] = version.digest.map { .string($0) }
    object["validUntil"] = version.validUntil.map { .int($0.microseconds) }
    object["restores"] = version.restores.map { .int($0) }
    return .object(object)
  }

  // MARK: Reading

  private static func one(_ form: JSONValue) throws(FormatError) -> ContextVersion {
    var members = try MemberReader(form)
    let writer = ContextWriter(
      agent: AgentName(try members.string("agent")), run: try members.optionalString("run").map { RunID($0) },
      step: StepPath(try members.string("step")), attempt: AttemptNumber(Int(try members.integer("attempt"))))
    var version = ContextVersion(
      number: try members.integer("number"), value: nil, digest: try members.optionalString("digest"),
      at: WallTime(microseconds: try members.integer("at")),
      validUntil: try members.optionalInteger("validUntil").map { WallTime(microseconds: $0) }, writer: writer,
      isQuarantined: try members.bool("isQuarantined"), restores: try members.optionalInteger("restores"),
      moreReaders: Int(try members.integer("moreReaders")))
    if let value = members.optional("value") {
      guard let boxed = value.arrayValue, boxed.count == 1 else { throw FormatError("its value is not one") }
      version.value = boxed[0]
    }
    guard let readers = try members.value("readers").arrayValue else { throw FormatError("its readers are no list") }
    for reader in readers { version.readers.append(try self.reader(reader)) }
    try members.finish()
    return version
  }

  private static func reader(_ form: JSONValue) throws(FormatError) -> ContextReader {
    var members = try MemberReader(form)
    let reader = ContextReader(
      run: RunID(try members.string("run")), step: StepPath(try members.string("step")),
      at: WallTime(microseconds: try members.integer("at")))
    try members.finish()
    return reader
  }
}
