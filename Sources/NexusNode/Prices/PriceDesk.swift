// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
package import NexusAPI
package import NexusCore
internal import NexusGateway
package import NexusKernel

/// The prices of a project: what holds, whether it can be right, and what a published catalogue would change.
package enum PriceDesk {
  /// One model with its prices, in dollars per million tokens.
  package struct Entry: Sendable {
    package var model: String
    package var input: String
    package var output: String
    package var cacheRead: String
    package var cacheWrite: String
    /// All of it, as a row of a file.
    package var row: String
    /// `built-in`, `cost.models` or a file.
    package var origin: String
  }

  /// Something that is wrong, or may be.
  package struct Finding: Sendable {
    package var isError: Bool
    package var model: String
    package var text: String
  }

  /// What `update` does, or would do.
  package struct Update: Sendable {
    package struct Line: Sendable {
      package var model: String
      /// `added`, `raised`, `lowered`, `kept` (lower, and not accepted) or `implausible`.
      package var kind: String
      package var old: String
      package var new: String
      package var note: String
    }
    package var lines: [Line]
    /// How many models of the catalogue have the price that holds already.
    package var unchanged: Int
    package var digest: String
    /// The content of the file; nil where nothing changes.
    package var content: [UInt8]?
    package var file: String
  }

  /// The day on which the newest of the built-in prices was checked.
  package static var builtInAsOf: String { PriceRows.asOf }

  /// After so many days somebody should look whether prices have changed.
  static let staleAfterDays: Int64 = 30

  // MARK: What holds

  package static func entries(_ project: String, _ plan: ProjectPlan) throws(OperationError) -> [Entry] {
    let book = PriceBook(prices: plan.prices, overlay: try PriceFiles.read(project))
    return book.pricedModels.compactMap { name in
      guard let (provider, model) = split(name), let price = book.price(provider: provider, model: model) else {
        return nil
      }
      return Entry(
        model: name, input: PriceTable.decimal(price.rates.input), output: PriceTable.decimal(price.rates.output),
        cacheRead: PriceTable.decimal(price.rates.cacheRead), cacheWrite: PriceTable.decimal(price.rates.cacheWrite5m),
        row: PriceTable.row(name, price), origin: book.origin(name))
    }
  }

  private static func split(_ name: String) -> (provider: String, model: String)? {
    let parts = name.split(separator: "/", maxSplits: 1)
    return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
  }

  // MARK: Whether it can be right

  /// Examines files and `cost.models` beside the built-in table, the models that the project names, and the table's age.
  package static func check(_ project: String, _ plan: ProjectPlan, today: WallTime) throws(OperationError) -> [Finding]
  {
    let (overlay, problems) = try PriceFiles.look(project)
    var findings = problems.map { Finding(isError: true, model: "", text: PriceFiles.words($0)) }
    let builtIn = PriceBook()
    let own = PriceBook(prices: plan.prices)
    let stated =
      overlay.prices.map { ($0.key, Optional($0.value)) }
      + plan.prices.map { spec in
        (spec.model, split(spec.model).flatMap { own.price(provider: $0.provider, model: $0.model) })
      }
    for (name, price) in stated.sorted(by: { $0.0 < $1.0 }) {
      guard let price, let (provider, model) = split(name) else { continue }
      let change = PriceComparison.change(of: name, from: builtIn.price(provider: provider, model: model), to: price)
      if let oddity = change.oddity { findings.append(Finding(isError: true, model: name, text: oddity)) }
    }
    let book = PriceBook(prices: plan.prices, overlay: overlay)
    for name in named(plan) {
      guard let (provider, model) = split(name), plan.providers.contains(where: { $0.name == provider }) else {
        continue
      }
      if book.price(provider: provider, model: model) == nil {
        findings.append(Finding(isError: plan.costMode == .hard, model: name, text: "nobody has stated its price"))
      }
    }
    let checked = WallTime(iso8601: PriceRows.asOf + "T00:00:00Z") ?? today
    let age = (today.microseconds - checked.microseconds) / 86_400_000_000
    if age > staleAfterDays {
      findings.append(
        Finding(isError: false, model: "", text: "the built-in prices are of \(PriceRows.asOf), \(age) days ago"))
    }
    return findings
  }

  /// The models that the configuration names, aliases resolved.
  private static func named(_ plan: ProjectPlan) -> [String] {
    let aliases = Dictionary(plan.models.map { ($0.alias, $0.use) }) { first, _ in first }
    let asked = plan.agents.compactMap { agent -> String? in
      guard case .llm(let spec) = agent.kind else { return nil }
      return aliases[spec.model] ?? spec.model
    }
    return Set(plan.models.map(\.use) + asked).sorted()
  }

  // MARK: What a catalogue would change

  /// Compares a published catalogue with the prices that hold.
  ///
  /// Prices that rise are taken, prices that fall only with `accepts`, implausible ones never.
  package static func update(
    _ project: String, _ plan: ProjectPlan, catalogue: [UInt8], source: String, accepts: Bool, today: WallTime
  ) throws(OperationError) -> Update {
    guard let published = PriceSources.prices(in: catalogue) else {
      throw OperationError(
        .usage, code: GatewayError.Code.unreadableCatalogue.rawValue, title: "This is no catalogue of prices",
        detail: "\(source) is neither the catalogue of models.dev, nor that of LiteLLM, nor rows of prices.",
        hint: "naos prices update --from https://models.dev/api.json")
    }
    let overlay = try PriceFiles.read(project)
    let book = PriceBook(overlay: overlay)
    var kept = overlay.prices.filter { overlay.files[$0.key] == PriceFiles.update }
    let digest = SHA256.hash(data: catalogue).hexadecimal
    var update = Update(lines: [], unchanged: 0, digest: digest, content: nil, file: PriceFiles.update)
    var changes = 0
    for (name, price) in published.sorted(by: { $0.key < $1.key }) {
      guard let (provider, model) = split(name) else { continue }
      let old = exact(book, provider, model)
      let change = PriceComparison.change(of: name, from: old, to: completed(price, old))
      let taken: ModelPrice?
      (taken, update) = apply(change, accepts, update)
      guard let taken else { continue }
      kept[name] = taken
      changes += 1
    }
    guard changes > 0 else { return update }
    let day = today.iso8601.prefix(10)
    let header = "# \(source)\n# sha256 \(digest), read on \(day); written by `naos prices update`\n"
    let rows = kept.sorted { $0.key < $1.key }.map { PriceTable.row($0.key, $0.value) + "\n" }.joined()
    update.content = Array((header + rows).utf8)
    return update
  }

  /// The price under exactly that name: a snapshot may have one that its base has not.
  private static func exact(_ book: PriceBook, _ provider: String, _ model: String) -> ModelPrice? {
    book.pricedModels.contains("\(provider)/\(model)") ? book.price(provider: provider, model: model) : nil
  }

  /// What a catalogue leaves out of a model that is known stays as it is.
  private static func completed(_ price: ModelPrice, _ old: ModelPrice?) -> ModelPrice {
    guard let old else { return price }
    var price = price
    price.terms = old.terms
    price.perRequest = old.perRequest
    price.maxInput = price.maxInput ?? old.maxInput
    price.maxOutput = price.maxOutput ?? old.maxOutput
    price.longPrompt = price.longPrompt ?? old.longPrompt
    if price.rates.cacheRead == price.rates.input {
      price.rates.cacheRead = min(old.rates.cacheRead, price.rates.input)
    }
    price.rates.cacheWrite5m = max(price.rates.cacheWrite5m, old.rates.cacheWrite5m)
    price.rates.cacheWrite1h = max(price.rates.cacheWrite1h, old.rates.cacheWrite1h)
    price.rates.soundInput = price.rates.soundInput ?? old.rates.soundInput
    price.rates.soundOutput = price.rates.soundOutput ?? old.rates.soundOutput
    price.rates.pictureOutput = price.rates.pictureOutput ?? old.rates.pictureOutput
    return price
  }

  private static func apply(_ change: PriceChange, _ accepts: Bool, _ update: Update) -> (ModelPrice?, Update) {
    var update = update
    func add(_ kind: String, _ note: String = "") {
      let old = change.old.map { PriceTable.row(change.model, $0) } ?? ""
      update.lines.append(
        Update.Line(
          model: change.model, kind: kind, old: String(old.drop { $0 != " " }.dropFirst()),
          new: String(PriceTable.row(change.model, change.new).drop { $0 != " " }.dropFirst()), note: note))
    }
    switch change.kind {
    case .same:
      update.unchanged += 1
      return (nil, update)
    case .implausible:
      add("implausible", change.oddity ?? "")
      return (nil, update)
    case .added:
      add("added")
      return (change.new, update)
    case .lowered where !accepts:
      add("kept", "lower: taken with --accept")
      return (nil, update)
    case .lowered:
      add("lowered")
      return (change.new, update)
    case .raised:
      // One bucket may fall where another rises.
      let price = change.old.map { accepts ? change.new : PriceComparison.dearer($0, change.new) } ?? change.new
      add("raised", price == change.new ? "" : "what falls is kept: taken with --accept")
      return (price, update)
    }
  }

  /// Writes the file of an update, whole or not at all.
  package static func write(_ update: Update, to project: String) throws(OperationError) {
    guard let content = update.content else { return }
    do {
      let folder = "\(project)/\(PriceFiles.folder)"
      if !Files.exists(folder) { try Files.makeDirectory(folder) }
      try Files.write(content, to: "\(project)/\(update.file)")
    } catch {
      throw OperationError(
        .failed, code: "NX-STO-007", title: "The prices cannot be written", detail: error.description)
    }
  }
}
