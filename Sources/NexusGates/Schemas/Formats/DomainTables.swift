// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Properties of the characters that labels of domains may hold, which the standard library does not tell.
///
/// From the Unicode Character Database (18.0); ranges run on over characters that no label may hold.
enum DomainTables {
  /// Bidi_Class R (RFC 5893).
  static let rightToLeft = ScalarSet(
    ranges: RangeText.ranges(
      of: """
        5d0-24,1cc-2a,a-1,b-15,5,a,4,18-18,ffa8-200,10-25,2b-84,1c-1f2,58-5,20-13a,7-1,4f-27,49-11,
        2f-46,d80a-c4,5e-21,8-e
        """))

  /// Bidi_Class AL.
  static let arabicLetters = ScalarSet(
    ranges: RangeText.ranges(
      of: """
        620-2a,24-1,2-64,10-1,8-1,b-16,2-1d,1e-58,c,af-2f,11-29,f5aa,e8d-23,19f-5,12-15,42-15
        """))

  /// Bidi_Class AN.
  static let arabicNumbers = ScalarSet(
    ranges: RangeText.ranges(
      of: """
        660-9,106c7-19
        """))

  /// Bidi_Class EN.
  static let europeanNumbers = ScalarSet(
    ranges: RangeText.ranges(
      of: """
        30-9,6b7-9
        """))

  /// Bidi_Class ES, CS, ET, ON and BN.
  static let neutrals = ScalarSet(
    ranges: RangeText.ranges(
      of: """
        2d,8a,202-1,c-9,1d,89,1c97-83,da0,2cc,7584,98-8,69
        """))

  /// Bidi_Class NSM.
  static let nonspacingMarks = ScalarSet(
    ranges: RangeText.ranges(
      of: """
        300-6f,114-4,10a-38,47-a,31-14,11,66-e,3-6,24,1f-1a,5c-a,3b-8,a,19-3,2-8,2-2,2-4,2c-2,3c-8,
        2b-38,38,2,5-7,5,4-6,b-1,1e,3b,5-3,9,15-1,1b-4,3a,5-10,1f-1,4-d,3a,5-7,5,15-1,17-7,3b,3,
        2-3,9-9,c-1,1f,3e,d,33,4,38,2-2,6-10,c-1,1e,3b,10-1,15-1,1d-1,3a-1,5-3,9,15-1,1e,49,8-4,
        5b,3-6,d-7,63,3-8,c-6,4a-1,1c-4,38-d,2-7,6-39,67-3,2-5,2-1,3-1,1a-1,5-2,11-3,e,3-1,7,10,
        2c0-2,3b3-2,1e-1,1f-1,1f-1,44-6,9,3-a,a,a8-1,23,77-2,5-1,a,7-2,dc-1,3,3b,2-8,2,3-7,7-c,
        31-53,31,2-3,32-16,21-3,3-1,2-2,39,2-1,4,2-2,3b-7,3-1,99-10,2-6,5,7,4-1,c7-3f,ef0-2,8e,
        61-1f,22b-3,6c-1,75d5-e,21-1,51-1,111,4,5,1a-1,6,98-1,1b-11,e,27-7,1a-a,2f-2,31,3-3,3-1,28,
        44-5,3-1,3-1,d,9,30,34,2-2,3-1,6-1,2,2b-1,9,ef,3,5,4f31-311,3ce,e3,96-4,687-e,29-7,a6-1,
        23e-3,42-4,13e-1,1f-4,21-f,47-a,32-3,7c,37-e,2a,3-1,b-2,32-3,3-9,3e-2,25-4,2-7,3f,d-1,35-8,
        b-3,3,60-2,3,2-8,3,9e,4-7,16-1,3a-1,4,26-e,47-5,e,2,2,f-1,56-7,3-2,2,18,55-5,2,5-1,2-1,
        ef-3,7-1,2-1,1c-1,56-7,3,2-1,6b,2,3-5,2,66,2,3-3,2-4,104-8,2-1,101-1,2,5,91-7,5,21-5,3-1,
        29-5,3-c,a-5,3-2,2f-c,2-1,c7,2-2,2,ca-d,55-15,3-6,2-1,2-1,7b-14,2,49-1,4,2,59,103-1,c-1,
        35-4,6,2,18,14e6,7-e,2cc9-b,4-2,9c1-4,3c-6,419,40-3,52,4cb9-1,1262-46,315-1,7a4-af,551-8f,
        a1-6,178,3e-3,1fd-3,ff-1,f4,3,8-1,6,1db-6,6e-6
        """))

  /// Joining_Type L or D (RFC 5892, A.1): what joins to what follows.
  static let joiningLeft = ScalarSet(
    ranges: RangeText.ranges(
      of: """
        620,6,2,2-4,5-c,2-6,2-1,24-1,9-f,13-25,2-1,a,2,2-1,29-2,3,13-2,6-3,2-8,2,2,2-1,20-a,4-e,
        3-3,2,3-2,3-5,4b-20,57-4,3,2-9,2,b,2-3,3,1e,3-4,2,11-9,6-1,3-5,2-e,f3f,19-58,f-21,2,
        8f96-32,624e-4,9,6-9,2-2,b-3,92,2,4-2,2-1,2,3,1d-1,152-21,2,1a0-1,2-1,12-15,42-2,2-10,d-2,
        1d-3,3-b,2f,2-1,5,3-1,2-1,2,3,6-1,d935-43
        """))

  /// Joining_Type R or D: what joins to what stands before.
  static let joiningRight = ScalarSet(
    ranges: RangeText.ranges(
      of: """
        620,2-1d,2-9,24-1,2-2,2-5e,2,19-1,b-2,3,11,2-1d,1e-32,4b-20,56-18,8,2-3,2-3,6-12,4,3-6,
        11-c,2-1a,f3f,19-58,f-21,2,8f96-31,624f-5,2,2-1,4-8,2-9,3,7-4,91-11,18-5,153-22,19f-2,2-1,
        69-14,d-3,1c-11,2f,2-4,2-7,2-3,5-1,d936-43
        """))
}
