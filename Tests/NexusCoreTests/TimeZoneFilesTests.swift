// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

@Suite struct TimeZoneFilesTests {
  @Test(arguments: [
    "UTC", "Europe/Berlin", "America/Argentina/ComodRivadavia", "Etc/GMT+12", "America/Port-au-Prince", "EST5EDT",
    "Australia/Lord_Howe",
  ])
  func `names of zones pass`(name: String) { #expect(TimeZoneFiles.isName(name)) }

  @Test(arguments: [
    "", "/", "/etc/passwd", "..", "../../etc/passwd", "Europe/../../shadow", "Europe/.", "Europe//Berlin", "Europe/",
    "Europe\\Berlin", "Eur\u{0}ope", "Europe/Berl\nin", "zone.tab", "~root", "-rf", "Europe/B\u{E9}rlin",
    String(repeating: "a", count: 65),
  ])
  func `names that could lead elsewhere are refused before any file is touched`(name: String) {
    #expect(!TimeZoneFiles.isName(name))
    #expect(throws: TimeZoneFileError.badName(name.count > 64 ? String(name.prefix(64)) : name)) {
      try TimeZoneFiles.read(name, folders: ["/proc/nowhere"])
    }
  }

  @Test func `a machine without data says what to install`() {
    let folders = ["/proc/nowhere", "/proc/self/status"]
    let error = #expect(throws: TimeZoneFileError.self) { try TimeZoneFiles.read("Europe/Berlin", folders: folders) }
    #expect(error == .noData(folders: folders))
    #expect(error?.description.contains("tzdata") == true)
  }

  @Test func `a zone that is not there, and a folder of zones, are unknown`() {
    for name in ["Europe/Atlantis", "net"] {
      #expect(throws: TimeZoneFileError.unknown(name)) { try TimeZoneFiles.read(name, folders: ["/proc/self"]) }
    }
  }

  @Test func `the data of this machine are found`() throws {
    guard TimeZoneFiles.folders.contains(where: Files.isDirectory) else {
      try Test.cancel("no time zone data on this machine")
    }
    #expect(try TimeZoneFiles.read("UTC").starts(with: "TZif".utf8))
  }
}
