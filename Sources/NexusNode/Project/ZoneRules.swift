// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The rules of time zones, from the files of the machine.
enum ZoneRules {
  /// The rules of a zone by its name of the IANA database; UTC needs no file.
  ///
  /// - Throws: `TimeZoneFileError` or `TimeZoneDataError`, with what a person can do about it.
  @Sendable static func named(_ name: String) throws -> TimeZoneRules {
    name == "UTC" ? .utc : try TimeZoneRules(tzif: try TimeZoneFiles.read(name))
  }
}
