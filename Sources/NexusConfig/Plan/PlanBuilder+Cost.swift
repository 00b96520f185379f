// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  mutating func buildCost() {
    for agent in plan.agents {
      guard let cost = agentFields[agent.name]?.value("cost") else { continue }
      addBudgets(cost, scope: .agent(agent.name))
    }
    for (kind, item) in flowItems { buildCost(of: item, kind) }
    for document in documents {
      if let fields = document.fields("cost") { buildProjectCost(fields) }
    }
    groupBudgets()
    buildAlerts()
    if let text = projectWord("mode"), let mode = CostMode(rawValue: text) { plan.costMode = mode }
    if let text = projectWord("holds"), let holds = HoldDurability(rawValue: text) { plan.holds = holds }
  }

  /// What is told of budgets; those that state no percentages of their own get the project's.
  private mutating func buildAlerts() {
    guard let value = projectValue("alerts") else { return }
    if let fields = value.fields {
      if let at = fields.value("at") { plan.alerts.at = percentages(at) }
      plan.alerts.forecast = fields.duration("forecast")
    } else {
      plan.alerts.at = percentages(value)
    }
    for index in plan.budgets.indices where plan.budgets[index].alertAt.isEmpty {
      plan.budgets[index].alertAt = plan.alerts.at
    }
  }

  /// What a flow may spend, and each of its steps.
  private mutating func buildCost(of item: Named, _ kind: RunKind) {
    if let cost = item.fields.value("cost"), let scope = BudgetScope.flow(kind, item.name) {
      addBudgets(cost, scope: scope)
    }
    // The members of a pool have no steps of their own.
    guard kind != .pool else { return }
    for fields in (item.fields.value("steps")?.list ?? []).compactMap(\.fields) {
      guard let cost = fields.value("cost"), let step = fields.text("name") else { continue }
      addBudgets(cost, scope: .step(flow: item.name, step: step))
      checkFollowed(fields)
    }
  }

  /// A run that is a step is known by the step's own key, so that what it spends is the step's.
  private mutating func checkFollowed(_ fields: Fields) {
    let work = ["agent", "workflow", "saga", "pool"].compactMap { fields.text($0) }.first
    guard work.map({ flowKinds[$0] != nil }) ?? false else { return }
    reportMisfit("idempotencyKey", fields, "hides the run that the step is from its `cost`")
  }

  /// What `cost` says once for the whole project; said again in another document, it is an error there.
  private mutating func projectWord(_ key: String) -> String? { projectValue(key)?.text }

  private mutating func projectValue(_ key: String) -> Shaped? {
    let said = documents.compactMap { $0.fields("cost")?.value(key) }
    if said.count > 1 {
      report(
        Diagnostic(
          "NX-CFG-113", "`\(key)` is already set in another document", at: said[1].location,
          notes: [.init("the first one is here", at: said[0].location)], help: "keep one of the two"))
    }
    return said.first
  }

  /// Budgets of one scope stand together, so that equal configurations make equal plans however they are written.
  private mutating func groupBudgets() {
    var order: [BudgetScope] = []
    var groups: [BudgetScope: [BudgetSpec]] = [:]
    for budget in plan.budgets {
      if groups[budget.scope] == nil { order.append(budget.scope) }
      groups[budget.scope, default: []].append(budget)
    }
    plan.budgets = order.flatMap { groups[$0] ?? [] }
  }

  private mutating func buildProjectCost(_ fields: Fields) {
    var scope = BudgetScope.global
    if let agent = fields.value("agent"), let name = agent.text { scope = self.scope(name, at: agent.location) }
    let own = [
      "budget", "maxTokens", "maxDollars", "maxRequests", "per", "timezone", "onLimit", "alertAt", "downgrade",
    ]
    if fields.has("agent") || own.contains(where: fields.has) { addBudgets(scoped: fields, scope: scope) }
    for entry in fields.value("budgets")?.entries ?? [] {
      addBudgets(entry.value, scope: self.scope(entry.key, at: entry.keyLocation))
    }
    for entry in fields.value("models")?.entries ?? [] {
      guard let price = entry.value.fields, let input = price.price("inputPer1M"),
        let output = price.price("outputPer1M")
      else { continue }
      if let earlier = priceLocations.updateValue(entry.keyLocation, forKey: entry.key) {
        report(
          Diagnostic(
            "NX-CFG-201", "`\(entry.key)` already has a price", at: entry.keyLocation,
            notes: [.init("the first one is here", at: earlier)], help: "keep one of the two"))
        continue
      }
      plan.prices.append(
        PriceSpec(
          model: entry.key, input: input, output: output, cacheRead: price.price("cacheReadPer1M"),
          cacheWrite: price.price("cacheWritePer1M"), perRequest: price.money("perRequest") ?? .zero))
    }
  }

  private mutating func scope(_ name: String, at location: SourceLocation) -> BudgetScope {
    if name == "global" { return .global }
    if agentLocations[AgentName(name)] == nil {
      if supervisorLocations[SupervisorName(name)] != nil { return .supervisor(SupervisorName(name)) }
      if let flow = flowKinds[name].flatMap({ BudgetScope.flow($0, name) }) { return flow }
      reportUndefined(name, at: location)
    }
    return .agent(AgentName(name))
  }

  /// A cost in any of its forms: one line, a list of budgets, a map.
  private mutating func addBudgets(_ value: Shaped, scope: BudgetScope) {
    if let fields = value.fields { return addBudgets(scoped: fields, scope: scope) }
    addAll(value, scope: scope, outer: nil)
  }

  /// One budget or a list of them; an empty list would read as a limit and limit nothing.
  private mutating func addAll(_ value: Shaped, scope: BudgetScope, outer: Fields?) {
    let entries = value.list ?? [value]
    if entries.isEmpty { reportNoLimit(at: value.location) }
    for entry in entries { add(entry, scope: scope, outer: outer) }
  }

  private static let limitKeys = ["maxTokens", "maxDollars", "maxRequests"]

  private mutating func reportNoLimit(at location: SourceLocation) {
    report(
      Diagnostic(
        "NX-CFG-207", "the budget has no limit", at: location,
        help: "give it `maxTokens`, `maxDollars` or `maxRequests`"))
  }

  /// A map with `budget`, or with the limits themselves; what stands outside `budget` holds for each of its entries.
  private mutating func addBudgets(scoped fields: Fields, scope: BudgetScope) {
    let limits = Self.limitKeys.filter(fields.has)
    guard let budget = fields.value("budget") else {
      // A wrong value of `budget` is reported already.
      if !fields.has("budget") {
        add(Shaped(location: fields.location, content: .object(fields)), scope: scope, outer: nil)
      }
      return
    }
    if let first = limits.first, let field = fields.field(first) {
      report(
        Diagnostic(
          "NX-CFG-115", "`\(field.written)` stands beside `budget`", at: field.keyLocation,
          notes: [.init("the budget is here", at: budget.location)], help: "move it into the budget"))
    }
    addAll(budget, scope: scope, outer: fields)
  }

  private mutating func add(_ entry: Shaped, scope: BudgetScope, outer: Fields?) {
    var spec = BudgetSpec(scope: scope)
    let inner = entry.fields
    let sources = [inner, outer].compactMap(\.self)
    if case .budget(let text) = entry.content {
      spec.maxTokens = text.maxTokens
      spec.maxCost = text.maxCost
      spec.maxRequests = text.maxRequests
      if let window = text.window { spec.window = window }
      if text.window != nil, let per = outer?.field("per") {
        report(
          Diagnostic(
            "NX-CFG-115", "the budget already names its window", at: per.keyLocation,
            notes: [.init("here", at: entry.location)], help: "remove `\(per.written)`"))
      }
    }
    if let inner {
      if case .integer(let tokens)? = inner.value("maxTokens")?.content { spec.maxTokens = TokenCount(tokens) }
      spec.maxCost = inner.money("maxDollars")
      if case .integer(let requests)? = inner.value("maxRequests")?.content { spec.maxRequests = requests }
    }
    for fields in sources.reversed() {
      if let window = fields.word("per", as: BudgetWindow.self) { spec.window = window }
      if let onLimit = fields.word("onLimit", as: OnLimit.self) { spec.onLimit = onLimit }
      if let alertAt = fields.value("alertAt") { spec.alertAt = percentages(alertAt) }
    }
    if let value = sources.compactMap({ $0.value("timezone") }).first { spec.zone = zone(value, spec.window) }
    let isWrong = inner.map { Self.limitKeys.contains(where: $0.has) } ?? false
    if spec.limit.isNone {
      if !isWrong { reportNoLimit(at: entry.location) }
      return
    }
    checkThrottle(spec, sources, entry)
    spec.downgrade = downgrade(sources, entry)
    plan.budgets.append(spec)
  }

  /// The clock that a window goes by; nil for UTC.
  private mutating func zone(_ value: Shaped, _ window: BudgetWindow) -> BudgetZone? {
    guard let name = value.text, name != ScheduleSpec.defaultTimeZone else { return nil }
    guard window.followsZone else {
      report(
        Diagnostic(
          "NX-CFG-115", "a budget per \(window.rawValue) is the same in every time zone", at: value.location,
          help: "remove `timezone`, or write `per: day`"))
      return nil
    }
    guard checkZone(name, at: value.location) else { return nil }
    guard let rules = zoneRules(name) else {
      report(
        Diagnostic(
          "NX-CFG-249", "this machine has no data of the time zone `\(name)`", at: value.location,
          help: "install the package tzdata, or use UTC"))
      return nil
    }
    return BudgetZone(name: name, rules: rules)
  }

  private func percentages(_ value: Shaped) -> [Int] {
    let found = (value.list ?? [value]).compactMap { element -> Int? in
      if case .percentage(let percent) = element.content { return percent }
      return nil
    }
    return Set(found).sorted()
  }

  /// Spacing needs a window that ends.
  private mutating func checkThrottle(_ spec: BudgetSpec, _ sources: [Fields], _ entry: Shaped) {
    guard spec.onLimit == .throttle, !spec.window.hasEnd else { return }
    let location = sources.compactMap { $0.value("onLimit")?.location }.first ?? entry.location
    report(
      Diagnostic(
        "NX-CFG-211", .warning, "`throttle` needs a window that ends, and acts as `refuse` here", at: location,
        help: "add `per: day`, or write `onLimit: refuse`"))
  }
}
