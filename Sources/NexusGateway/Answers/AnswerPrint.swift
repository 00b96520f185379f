// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
internal import NexusCore

/// What an answer is known again by: all of it but what differs each time.
enum AnswerPrint {
  /// Names, times and counts of the answer itself, in the dialects that there are.
  private static let changing: Set<String> = [
    "id", "created", "created_at", "completed_at", "createTime", "responseId", "system_fingerprint", "usage",
    "usageMetadata", "call_id", "service_tier", "obfuscation", "request_id",
  ]

  /// Nil if the answer cannot be read as one value.
  static func of(_ body: [UInt8], _ request: ModelRequest, isStream: Bool) -> String? {
    of(body, AnswerForm(api: request.api, isStream: isStream, isArray: request.isArray), isStream: isStream)
  }

  static func of(_ body: [UInt8], _ form: AnswerForm, isStream: Bool) -> String? {
    let whole: JSONValue
    do throws(AnswerProblem) { whole = try form.whole(body, isStream: isStream) } catch { return nil }
    return SHA256.hash(data: kept(whole).encoded(.canonical)).reduce(into: "") { text, byte in
      text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
  }

  private static func kept(_ value: JSONValue) -> JSONValue {
    switch value {
    case .object(let members):
      var rest = JSONObject()
      for member in members where !changing.contains(member.key) { rest[member.key] = kept(member.value) }
      return .object(rest)
    case .array(let elements): return .array(elements.map(kept))
    default: return value
    }
  }
}
