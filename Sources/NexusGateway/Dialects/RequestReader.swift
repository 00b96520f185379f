// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Collects the members of a request one by one, each by its rule.
struct RequestReader {
  let api: ModelAPI
  let path: RequestPath
  var facts: RequestFacts
  private var model: String?
  private var isStream: Bool
  private var cap: (value: Int64?, place: ModelRequest.CapPlace)?
  private var wantsUsage = false
  private var toolUses: Int64?
  private var unbounded: [String] = []
  private var places = ModelRequest.Places()
  var content: ContentParts
  private var hasGeneration = false

  /// How much of an unknown name is repeated.
  private static let shownName = 40

  init(api: ModelAPI, path: RequestPath) {
    self.api = api
    self.path = path
    model = path.model
    isStream = path.isStream
    content = ContentParts(rules: api.parts)
    facts = RequestFacts(dialect: api.dialect, textBytes: 0, messages: 0)
    facts.isFree = api.isFree
    if case .none = api.cap { facts.outputCap = 0 }
  }

  mutating func take(_ member: ScannedMember, _ bytes: Span<UInt8>) throws(GatewayError) {
    places.isEmptyObject = false
    guard let rule = try api.rule(of: member.key) else {
      if !isNull(member, bytes) { unbounded.append(String(member.key.prefix(Self.shownName))) }
      return
    }
    let place = member.value
    switch rule {
    case .model:
      guard let text = JSONScan.string(bytes, place), !text.isEmpty else { throw expected("model", "a name") }
      // The path decides where it names one, as it does for the provider.
      if path.model == nil {
        model = text
        places.model = place
      }
    // Also where they are null, because then they must be overwritten.
    case .cap: try takeCap(member, bytes)
    case .streamOptions: try takeStreamOptions(place, bytes)
    case .generation: try takeGeneration(place, bytes)
    // Any other null says the same as leaving the member out.
    default: if !isNull(member, bytes) { try take(member, rule, bytes) }
    }
  }

  private func isNull(_ member: ScannedMember, _ bytes: Span<UInt8>) -> Bool {
    bytes[member.value.lowerBound] == UInt8(ascii: "n")
  }

  private mutating func take(_ member: ScannedMember, _ rule: MemberRule, _ bytes: Span<UInt8>) throws(GatewayError) {
    let place = member.value
    switch rule {
    case .stream:
      guard let value = JSONScan.boolean(bytes, place) else { throw expected("stream", "true or false") }
      isStream = value
    case .choices: facts.choices = try number(member, ModelRequest.answers, bytes)
    case .toolUses: toolUses = try number(member, ModelRequest.toolUses, bytes)
    case .messages:
      facts.messages += elementCount(bytes, place)
      try content.takeMessages(bytes, place)
    case .items:
      facts.messages += elementCount(bytes, place)
      try content.takeItems(bytes, place)
    case .contents:
      facts.messages += elementCount(bytes, place)
      try content.takeContents(bytes, place)
    case .content: try content.takeContent(bytes, place)
    case .embedded: try takeEmbedded(place, bytes)
    case .tools:
      facts.hasTools = true
      if api.spelling == .either {
        content.takeGeminiTools(JSONScan.value(bytes, place))
      } else {
        try content.takeTools(bytes, place)
      }
    case .ownTools: facts.hasTools = true
    case .structure: facts.hasStructuredOutput = true
    case .thinking: try takeThinking(place, bytes)
    case .option(let kind, let listed): takeOption(kind, listed, member, bytes)
    case .modalities: takeModalities(JSONScan.value(bytes, place))
    case .keptContext: content.keep(member.key)
    case .flag: if JSONScan.boolean(bytes, place) != false { content.refuse(member.key) }
    case .unbounded: unbounded.append(String(member.key.prefix(Self.shownName)))
    case .free, .model, .cap, .streamOptions, .generation: break
    }
  }

  // MARK: The cap

  private mutating func takeCap(_ member: ScannedMember, _ bytes: Span<UInt8>) throws(GatewayError) {
    guard case .member(let names, _) = api.cap, names.contains(member.key) else {
      throw GatewayError(.malformedRequest, "'\(member.key)' caps nothing at this endpoint; give \(api.cap.words).")
    }
    try setCap(member, bytes)
  }

  private mutating func setCap(_ member: ScannedMember, _ bytes: Span<UInt8>) throws(GatewayError) {
    // Even a null beside the other name: which of the two a provider goes by is its own affair.
    guard cap == nil else {
      throw GatewayError(.malformedRequest, "The most tokens of the answer are stated twice; state them once.")
    }
    let place = ModelRequest.CapPlace(range: member.value)
    guard !isNull(member, bytes) else {
      cap = (nil, place)
      return
    }
    // Servers of OpenAI's dialect may take 0 for no cap at all.
    guard let value = JSONScan.integer(bytes, member.value), value >= api.cap.least else {
      throw expected(member.key, "a whole number of tokens")
    }
    cap = (value, place)
  }

  /// Google's object that holds the cap among other things.
  private mutating func takeGeneration(_ place: Range<Int>, _ bytes: Span<UInt8>) throws(GatewayError) {
    guard !hasGeneration else { throw GatewayError(.malformedRequest, "'generationConfig' is there twice.") }
    hasGeneration = true
    guard case .within(let name, let capName) = api.cap else { return }
    if bytes[place.lowerBound] == UInt8(ascii: "n") {
      cap = (nil, ModelRequest.CapPlace(range: place, before: "{\"\(capName)\":", after: "}"))
      return
    }
    let members: [ScannedMember]
    do {
      members = try JSONScan.members(of: bytes, in: place)
    } catch {
      throw expected(name, "an object")
    }
    var seen: Set<String> = []
    for member in members {
      let key = MemberSpelling.flat(member.key)
      guard seen.insert(key).inserted else { throw GatewayError(.malformedRequest, "'\(member.key)' is there twice.") }
      try takeGeneration(key, member, isCap: key == MemberSpelling.flat(capName), bytes)
    }
    if cap == nil {
      let start = place.lowerBound + 1
      cap = (
        nil, ModelRequest.CapPlace(range: start..<start, before: "\"\(capName)\":", after: members.isEmpty ? "" : ",")
      )
    }
  }

  private mutating func takeGeneration(
    _ key: String, _ member: ScannedMember, isCap: Bool, _ bytes: Span<UInt8>
  ) throws(GatewayError) {
    if isCap { return try setCap(member, bytes) }
    if isNull(member, bytes) { return }
    switch key {
    case "candidatecount": facts.choices = try number(member, ModelRequest.answers, bytes)
    case "responsemodalities": takeModalities(JSONScan.value(bytes, member.value))
    case "responsemimetype", "responseschema", "responsejsonschema": facts.hasStructuredOutput = true
    default:
      if !GeminiMembers.generation.contains(key) {
        unbounded.append("generationConfig: \(member.key.prefix(Self.shownName))")
      }
    }
  }

  // MARK: Values

  private mutating func takeThinking(_ place: Range<Int>, _ bytes: Span<UInt8>) throws(GatewayError) {
    guard let thinking = JSONScan.value(bytes, place)?.objectValue else { throw expected("thinking", "an object") }
    for key in thinking.keys { try ContentParts.refuseLookalike(key, of: ["budget_tokens"]) }
    guard let budget = thinking["budget_tokens"], !budget.isNull else { return }
    guard let tokens = budget.intValue, (0...ModelRequest.maxThinkingBudget).contains(tokens) else {
      throw expected("thinking.budget_tokens", "a number of tokens up to \(ModelRequest.maxThinkingBudget)")
    }
    facts.thinkingBudget = tokens
  }

  private mutating func takeStreamOptions(_ place: Range<Int>, _ bytes: Span<UInt8>) throws(GatewayError) {
    places.streamOptions = place
    guard let options = JSONScan.value(bytes, place), options.isNull || options.objectValue != nil else {
      throw expected("stream_options", "an object")
    }
    for key in options.objectValue?.keys ?? [] { try ContentParts.refuseLookalike(key, of: ["include_usage"]) }
    guard let wants = options["include_usage"], !wants.isNull else { return }
    guard let value = wants.boolValue else { throw expected("stream_options.include_usage", "true or false") }
    wantsUsage = value
  }

  private mutating func takeOption(
    _ kind: ServiceOption.Kind, _ listed: Set<String>, _ member: ScannedMember, _ bytes: Span<UInt8>
  ) {
    let value = JSONScan.string(bytes, member.value)
    if let value, listed.contains(value) { return }
    facts.options.append(ServiceOption(kind, String((value ?? "?").prefix(Self.shownName))))
  }

  private mutating func takeModalities(_ value: JSONValue?) {
    guard let kinds = value?.arrayValue else { return unbounded.append("modalities") }
    for kind in kinds {
      switch kind.stringValue?.lowercased() {
      case "text": break
      case "audio": facts.wantsSound = true
      case "image": facts.wantsPictures = true
      default: unbounded.append("modalities: \((kind.stringValue ?? "?").prefix(Self.shownName))")
      }
    }
  }

  /// Texts count by their bytes; tokens are counted.
  private mutating func takeEmbedded(_ place: Range<Int>, _ bytes: Span<UInt8>) throws(GatewayError) {
    guard let input = JSONScan.value(bytes, place) else { throw expected("input", "text, tokens, or a list of them") }
    if input.stringValue != nil {
      facts.messages = 1
      return
    }
    guard let list = input.arrayValue else { throw expected("input", "text, tokens, or a list of them") }
    let isTokens = list.first?.intValue != nil
    facts.messages = isTokens ? 1 : list.count
    var tokens: Int64 = 0
    for element in isTokens ? [input] : list {
      if element.stringValue != nil { continue }
      guard let numbers = element.arrayValue, numbers.allSatisfy({ $0.intValue != nil }) else {
        throw expected("input", "text, tokens, or a list of them")
      }
      tokens += Int64(numbers.count)
    }
    if tokens > 0, isTokens || list.allSatisfy({ $0.stringValue == nil }) {
      facts.knownPrefix = RequestFacts.KnownPrefix(tokens: TokenCount(tokens), bytes: bytes.count)
    }
  }

  private func number(_ member: ScannedMember, _ range: ClosedRange<Int64>, _ bytes: Span<UInt8>) throws(GatewayError)
    -> Int64
  {
    guard let value = JSONScan.integer(bytes, member.value), range.contains(value) else {
      throw expected(member.key, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// An upper bound of the elements of an array: the objects in it at any depth.
  private func elementCount(_ bytes: Span<UInt8>, _ place: Range<Int>) -> Int {
    max(1, ByteScan.count(of: UInt8(ascii: "{"), in: bytes.extracting(place)))
  }

  private func expected(_ member: String, _ what: String) -> GatewayError {
    GatewayError(.malformedRequest, "'\(member)' must be \(what).")
  }

  // MARK: The end

  mutating func finish(_ bytes: Span<UInt8>) throws(GatewayError) -> ModelRequest {
    guard let model else { throw GatewayError(.malformedRequest, "'model' is missing.") }
    var start = 0
    while bytes[start] != UInt8(ascii: "{") { start += 1 }
    places.objectStart = start + 1
    if let cap { facts.outputCap = cap.value }
    places.cap = cap?.place ?? capInsertion
    facts.textBytes = max(0, bytes.count - content.pictureBytes - content.soundBytes)
    facts.soundBytes = content.soundBytes
    facts.images = content.images
    facts.hiddenTexts = content.hiddenTexts
    facts.hosted = content.hosted.map { HostedUse($0.tool, $0.uses ?? toolUses) }
    facts.kept = content.kept
    facts.unbounded = unbounded + content.unbounded
    return ModelRequest(
      api: api, model: model, isStream: isStream, isArray: path.isArray, bodyBytes: bytes.count,
      wantsUsage: wantsUsage, facts: facts, places: places)
  }

  /// Where a cap goes that the body does not state.
  private var capInsertion: ModelRequest.CapPlace? {
    let start = places.objectStart
    let after = places.isEmptyObject ? "" : ","
    switch api.cap {
    case .none: return nil
    case .member(let names, _):
      return ModelRequest.CapPlace(range: start..<start, before: "\"\(names.first ?? "")\":", after: after)
    case .within(let object, let member):
      return ModelRequest.CapPlace(range: start..<start, before: "\"\(object)\":{\"\(member)\":", after: "}" + after)
    }
  }
}
