// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// The providers that need no description.
enum KnownProviders {
  static let local = "local"

  static let all: [ProviderSpec] = [
    ProviderSpec(name: "openai", dialect: .openai, baseURL: "https://api.openai.com/v1"),
    ProviderSpec(name: "anthropic", dialect: .anthropic, baseURL: "https://api.anthropic.com"),
    ProviderSpec(name: "gemini", dialect: .gemini, baseURL: "https://generativelanguage.googleapis.com"),
    ProviderSpec(name: "ollama", dialect: .openai, baseURL: "http://127.0.0.1:11434/v1"),
  ]

  /// Hosts of the agent plane's upstreams, and of others that sell calls of models.
  static let hosts: Set<String> = [
    "api.openai.com", "api.anthropic.com", "generativelanguage.googleapis.com", "aiplatform.googleapis.com",
    "openrouter.ai", "api.mistral.ai", "api.groq.com", "api.together.xyz", "api.deepseek.com", "api.cohere.com",
    "api.x.ai", "api.perplexity.ai", "api.fireworks.ai",
  ]

  static func named(_ name: String) -> ProviderSpec? { all.first { $0.name == name } }
}

extension PlanBuilder {
  mutating func buildProviders() {
    var first: [String: SourceLocation] = [:]
    for document in documents {
      for entry in document.value("providers")?.entries ?? [] {
        guard take(entry, in: &first) else { continue }
        if entry.key == KnownProviders.local {
          buildLocal(entry)
          continue
        }
        if let fields = entry.value.fields { build(provider: entry, fields) }
      }
    }
  }

  private mutating func build(provider entry: ShapedEntry, _ fields: Fields) {
    let known = KnownProviders.named(entry.key)
    var spec = known ?? ProviderSpec(name: entry.key, dialect: .openai, baseURL: "")
    if let script = fields.field("script") {
      report(
        Diagnostic(
          "NX-CFG-115", "only the built-in provider `local` plays a script", at: script.keyLocation,
          help: "move it to `local`"))
    }
    if let dialect = fields.word("dialect", as: Dialect.self) { spec.dialect = dialect }
    if let value = fields.value("baseURL"), let text = value.text {
      if let url = ProviderURL(text) {
        spec.baseURL = url.text
        if !url.isEncrypted, !url.isLoopback, fields.has("apiKey") {
          report(
            Diagnostic(
              "NX-CFG-209", .warning, "the key would cross the network unencrypted", at: value.location,
              help: "use https"))
        }
      } else {
        report(
          Diagnostic(
            "NX-CFG-116", "`baseURL` is not the address of an API", at: value.location,
            help: "write http:// or https://, a host and perhaps a path, without a password, ? and #"))
      }
    } else if known == nil, !fields.has("baseURL") {
      report(
        Diagnostic(
          "NX-CFG-102", "the provider `\(entry.key)` needs the key `baseURL`", at: entry.keyLocation,
          help: "only \(KnownProviders.all.map(\.name).joined(separator: ", ")) are known",
          suggestion: Suggestion.nearest(to: entry.key, among: KnownProviders.all.map(\.name))))
    }
    if let value = fields.value("apiKey"), case .text(let key, let isExternal) = value.content {
      if !isExternal, !key.isEmpty, !key.hasPrefix(Self.secretPrefix) {
        var diagnostic = Diagnostic(
          "NX-CFG-209", .warning, "a key stands in the file", at: value.location,
          help: "put it in the environment or .env and write ${NAME}")
        diagnostic.hidesSource = true
        report(diagnostic)
      }
      if !isExternal, key.hasPrefix(Self.secretPrefix) {
        take(secret: String(key.dropFirst(Self.secretPrefix.count)), into: &spec, at: value.location)
      } else {
        spec.apiKey = key.isEmpty ? nil : SecretText(key)
      }
      checkHeader(spec.apiKey?.revealed ?? "", at: value.location)
    }
    for header in fields.value("headers")?.entries ?? [] {
      guard let text = header.value.text else { continue }
      checkHeader(header.key, at: header.keyLocation)
      checkHeader(text, at: header.value.location)
      spec.headers.append(EnvironmentVariable(header.key, text))
    }
    buildQuery(of: &spec, fields)
    plan.providers.append(spec)
  }

  /// What Azure and its like want in every request.
  private mutating func buildQuery(of spec: inout ProviderSpec, _ fields: Fields) {
    if let version = fields.text("apiVersion") {
      spec.query.append(EnvironmentVariable(ProviderSpec.apiVersion, version))
      if spec.dialect == .openai { spec.keyHeader = "api-key" }
    }
    for member in fields.value("query")?.entries ?? [] {
      guard let text = member.value.text else { continue }
      if member.key == ProviderSpec.apiVersion, let version = fields.field("apiVersion") {
        report(
          Diagnostic(
            "NX-CFG-115", "`\(member.key)` stands beside `\(version.written)`", at: member.keyLocation,
            notes: [.init("here", at: version.keyLocation)], help: "keep one of the two"))
      }
      spec.query.append(EnvironmentVariable(member.key, text))
    }
    guard let value = fields.value("keyHeader"), let name = value.text else { return }
    spec.keyHeader = name
    guard name.isEmpty || !name.utf8.allSatisfy(Self.isHeaderName) else { return }
    report(
      Diagnostic(
        "NX-CFG-114", "`\(name)` is not the name of a header", at: value.location,
        help: "write `api-key`, for example"))
  }

  /// The characters of a token of HTTP that anybody uses in names of fields.
  private static func isHeaderName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// A line break in a header would begin another header.
  private mutating func checkHeader(_ text: String, at location: SourceLocation) {
    guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else { return }
    report(
      Diagnostic(
        "NX-CFG-114", "a header cannot hold control characters", at: location,
        help: "remove the line break, if that is what it is"
      ))
  }

  /// Notes where a name stands first, and reports it if it already stood elsewhere.
  private mutating func take(_ entry: ShapedEntry, in first: inout [String: SourceLocation]) -> Bool {
    if let earlier = first[entry.key] {
      report(
        Diagnostic(
          "NX-CFG-201", "the name `\(entry.key)` is already taken", at: entry.keyLocation,
          notes: [.init("the first one is here", at: earlier)], help: "keep one of the two"))
      return false
    }
    first[entry.key] = entry.keyLocation
    return true
  }

  mutating func buildModels() {
    var first: [String: SourceLocation] = [:]
    for document in documents {
      for entry in document.value("models")?.entries ?? [] {
        guard take(entry, in: &first) else { continue }
        let fields = entry.value.fields
        guard let value = fields?.value("use") ?? (fields == nil ? entry.value : nil), let use = model(value) else {
          continue
        }
        plan.models.append(
          ModelAlias(
            alias: entry.key, use: use, retries: fields?.integer("retries"),
            fallback: fields?.value("fallback").map { fallback($0, for: use) } ?? []))
      }
    }
  }

  /// A text that names a provider and its model; nil, and reported, if it does not.
  private mutating func model(_ value: Shaped) -> String? {
    guard let text = value.text else { return nil }
    guard text.split(separator: "/", maxSplits: 1).count == 2 else {
      report(
        Diagnostic(
          "NX-CFG-216", "`\(text)` does not name a provider", at: value.location,
          help: "write provider/model; another alias cannot stand here"))
      return nil
    }
    checkProvider(of: text, at: value.location)
    return text
  }

  /// The models to try behind `use`: each another one, and in the same dialect, because nothing is translated.
  private mutating func fallback(_ value: Shaped, for use: String) -> [String] {
    var models: [String] = []
    for element in value.list ?? [value] {
      guard let name = model(element) else { continue }
      if name == use || models.contains(name) {
        report(
          Diagnostic(
            "NX-CFG-220", "`\(name)` is tried before already", at: element.location, help: "name another model"))
        continue
      }
      if let own = dialect(of: use), let other = dialect(of: name), own != other {
        report(
          Diagnostic(
            "NX-CFG-220", "`\(name)` speaks the \(other.rawValue) dialect, and `\(use)` the \(own.rawValue) dialect",
            at: element.location, help: "name a model of a provider that speaks the same"))
        continue
      }
      models.append(name)
    }
    if models.count > Self.mostFallbacks {
      report(
        Diagnostic(
          "NX-CFG-220", "there are \(models.count) models to fall back to", at: value.location,
          help: "name at most \(Self.mostFallbacks)"))
    }
    return models
  }

  /// A call sets the worst of all its models aside, and a person waits for them one after the other.
  private static let mostFallbacks = 5

  /// Nil for the models of naos itself, which speak all of them, and for a provider that is not there.
  func dialect(of model: String) -> Dialect? {
    guard let slash = model.firstIndex(of: "/") else { return nil }
    return plan.providers.first { $0.name == model[..<slash] }?.dialect
  }

  /// Every model that the file names must have its provider; the known ones join the plan when they are named.
  mutating func checkModels() {
    for agent in plan.agents {
      guard case .llm(let llm) = agent.kind, let value = agentFields[agent.name]?.value("model") else { continue }
      if plan.models.contains(where: { $0.alias == llm.model }) { continue }
      checkProvider(of: llm.model, at: value.location)
    }
  }

  mutating func checkProvider(of model: String, at location: SourceLocation) {
    guard let slash = model.firstIndex(of: "/") else { return }
    let name = String(model[..<slash])
    if name == KnownProviders.local { return checkScript(of: model, at: location) }
    if plan.providers.contains(where: { $0.name == name }) { return }
    if let known = KnownProviders.named(name) {
      plan.providers.append(known)
      return
    }
    let names = plan.providers.map(\.name) + KnownProviders.all.map(\.name) + [KnownProviders.local]
    report(
      Diagnostic(
        "NX-CFG-206", "there is no provider `\(name)`", at: location, help: "describe it under `providers`",
        suggestion: Suggestion.nearest(to: name, among: names).map { $0 + model[slash...] }))
  }
}

/// The address of an API, checked as far as a typing error could break it.
struct ProviderURL {
  let text: String
  let isEncrypted: Bool
  let isLoopback: Bool

  init?(_ written: String) {
    var rest: Substring
    if written.hasPrefix("https://") {
      isEncrypted = true
      rest = written.dropFirst(8)
    } else if written.hasPrefix("http://") {
      isEncrypted = false
      rest = written.dropFirst(7)
    } else {
      return nil
    }
    guard rest.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7F }) else { return nil }
    guard !rest.contains(where: { "@?#\\".contains($0) }) else { return nil }
    let authority = rest.prefix { $0 != "/" }
    guard let host = HostText(String(authority), allowsPort: true) else { return nil }
    while rest.last == "/" { rest.removeLast() }
    let name = host.text(port: nil)
    isLoopback = name.hasPrefix("localhost") || name.hasPrefix("127.") || name.hasPrefix("[::1]")
    text = (isEncrypted ? "https://" : "http://") + rest
  }
}
