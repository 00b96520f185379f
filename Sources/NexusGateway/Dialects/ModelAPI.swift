// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// One kind of model request that the agent plane takes, as data: what its members mean for its cost, where its output
/// is capped, and how its answers tell their usage.
///
/// Another one is another value of this type and a line in `all`; nothing that carries calls out knows their names.
package final class ModelAPI: Sendable {
  /// `openai.responses`: names it in digests of requests and among the local models.
  package let name: String
  package let dialect: Dialect
  /// What each member of a request means for its cost, under the name that `spelling` makes of it.
  let members: [String: MemberRule]
  let spelling: MemberSpelling
  let parts: PartRules
  let cap: OutputCap
  /// The provider asks nothing for it: a count of tokens.
  let isFree: Bool
  /// Reads the usage in a whole answer; nil if there is none or the body is not what the API says.
  package let usage: @Sendable (Span<UInt8>) -> CallUsage?
  /// A reader for one stream of answers; nil where answers never stream.
  let stream: (@Sendable (ModelRequest) -> any StreamReading)?
  /// How a stream that has begun tells of an error.
  let errorEvent: ErrorEvent
  /// The path behind the provider's base URL.
  let upstreamPath: @Sendable (_ model: String, ModelRequest) -> String

  init(
    name: String, dialect: Dialect, members: [String: MemberRule], spelling: MemberSpelling = .exact,
    parts: PartRules, cap: OutputCap = .none, isFree: Bool = false,
    usage: @escaping @Sendable (Span<UInt8>) -> CallUsage?,
    stream: (@Sendable (ModelRequest) -> any StreamReading)? = nil, errorEvent: ErrorEvent = .data,
    upstreamPath: @escaping @Sendable (_ model: String, ModelRequest) -> String
  ) {
    self.name = name
    self.dialect = dialect
    self.members = members
    self.spelling = spelling
    self.parts = parts
    self.cap = cap
    self.isFree = isFree
    self.usage = usage
    self.stream = stream
    self.errorEvent = errorEvent
    self.upstreamPath = upstreamPath
    // What a reader who ignores case could take for a member that decides about the cost.
    costly = Set(members.filter { !$0.value.isFree }.keys.map(MemberSpelling.folded))
    asksForUsage = members.values.contains { if case .streamOptions = $0 { true } else { false } }
  }

  private let costly: Set<String>
  /// A stream tells its usage only if the request asks for it.
  let asksForUsage: Bool

  package static let all = [
    chat, responses, countResponses, embeddings, messages, countMessages, generateContent, countContent,
  ]
}

extension ModelAPI: Hashable {
  package static func == (left: ModelAPI, right: ModelAPI) -> Bool { left.name == right.name }
  package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension ModelAPI {
  /// The rule of a member; nil if it is not known.
  ///
  /// - Throws: `GatewayError` if it is spelled differently from one that another reader would take it for.
  func rule(of key: String) throws(GatewayError) -> MemberRule? {
    if let rule = members[spelling.known(key)] { return rule }
    // What is in small letters already is known as it is spelled, or not at all.
    if key.utf8.allSatisfy({ $0 < 0x80 && !(0x41...0x5A).contains($0) }) { return nil }
    try MemberSpelling.refuse(key, ifLike: costly)
    return nil
  }
}

/// What a member of a request means for what the request can cost.
enum MemberRule: Sendable {
  /// Changes the answer, and neither what a token costs nor how many there may be.
  case free
  /// Costs more than anything in the body bounds.
  case unbounded
  case model
  case stream
  case streamOptions
  case cap
  /// How many answers are asked for.
  case choices
  /// Text, or a list of parts.
  case content
  /// A list of messages with content each.
  case messages
  /// Text, or a list of items that are messages, calls and their results.
  case items
  /// What is to be embedded: texts or tokens.
  case embedded
  /// Gemini's messages, one or a list.
  case contents
  case tools
  /// Tools that only the agent itself runs.
  case ownTools
  /// How often hosted tools may be used altogether.
  case toolUses
  /// Prescribes the shape of the answer.
  case structure
  case thinking
  /// Text, sound, pictures: what the answer may hold.
  case modalities
  /// A choice of the provider's service: these values are sold at the listed prices.
  case option(ServiceOption.Kind, listed: Set<String>)
  /// Adds text that the provider keeps: bounded by what the model can take.
  case keptContext
  /// Gemini's object with the cap, the number of answers and more.
  case generation
  /// A flag that is free while it is not set.
  case flag

  var isFree: Bool {
    if case .free = self { return true }
    return false
  }
}

/// Where a request states the most tokens that an answer may have.
enum OutputCap: Sendable {
  /// There is no output.
  case none
  /// In the first of these members; which of several a provider goes by is its own affair, so only one may be given.
  case member([String], least: Int64)
  /// In a member of the object with that name.
  case within(String, String)

  /// The least that a body may state.
  var least: Int64 {
    if case .member(_, let least) = self { return least }
    return 0
  }

  /// The name for a cap that is put in.
  var words: String {
    switch self {
    case .none: ""
    case .member(let names, _): names.first ?? ""
    case .within(let object, let member): "\(object).\(member)"
    }
  }
}

/// How a stream tells of an error.
enum ErrorEvent: Sendable {
  /// The error of the dialect as an event without a name.
  case data
  /// The error of the dialect as an event that is named so.
  case named
  /// As an event of its own form, flat, and in the form of the dialect too, by which clients tell it.
  case flat
}

/// How the members of an API are spelled.
enum MemberSpelling: Sendable {
  /// As documented, letter by letter.
  case exact
  /// In camel or snake case, which Google's servers take for the same.
  case either

  /// The spelling under which a rule stands.
  func known(_ key: String) -> String { self == .exact ? key : Self.flat(key) }

  /// Refuses a key that a reader who ignores case would take for one of the names, which are folded.
  static func refuse(_ key: String, ifLike names: Set<String>) throws(GatewayError) {
    let folded = folded(key)
    guard folded != key, names.contains(folded) else { return }
    throw GatewayError(.malformedRequest, "A member reads like '\(folded)' but is spelled differently.")
  }

  /// In lower case as decoders of JSON fold it: ASCII, and the two letters beyond that fold into ASCII.
  static func folded(_ key: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in key.unicodeScalars {
      switch scalar {
      case "A"..."Z": result.append(Unicode.Scalar(UInt8(scalar.value) | 0x20))
      case "\u{17F}": result.append("s")
      case "\u{212A}": result.append("k")
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  /// Folded and without underscores.
  static func flat(_ key: String) -> String {
    String(folded(key).unicodeScalars.filter { $0 != "_" }.map(Character.init))
  }
}

/// A choice of how the provider serves a request, other than the one that its list prices are for.
package struct ServiceOption: Sendable, Hashable {
  package enum Kind: String, Sendable {
    case tier = "service_tier"
    case speed
    case geo = "inference_geo"
  }
  package var kind: Kind
  package var value: String
  package init(_ kind: Kind, _ value: String) {
    self.kind = kind
    self.value = value
  }
}

/// A tool that the provider runs itself, with a fee for each use.
package enum HostedTool: String, Sendable, CaseIterable { case webSearch, fileSearch, webFetch }

/// How often a hosted tool may be used in one request; nil where the request does not say.
package struct HostedUse: Sendable, Hashable {
  package var tool: HostedTool
  package var uses: Int64?
  package init(_ tool: HostedTool, _ uses: Int64?) {
    self.tool = tool
    self.uses = uses
  }
}
