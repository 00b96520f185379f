// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// Makes the plan of the documents of a project; every rule that concerns more than one value is here.
struct PlanBuilder {
  let project: ProjectPaths
  let documents: [Fields]
  let environment: [String: String]
  /// Reads a text file of the project: a prompt or a script.
  let readFile: (String, SourceLocation) -> Result<SourceFile, Diagnostic>
  /// Whether symbolic links lead from a path of the project to a file that is none of it.
  let leadsOutside: (String) -> Bool
  /// What the start of a file says that is to be a module.
  let moduleHead: (String) -> ModuleHead
  var plan: ProjectPlan
  private(set) var diagnostics: [Diagnostic] = []
  /// The files that were read on the way and may be shown.
  var sources: [SourceFile] = []
  /// Where each agent was named.
  var agentLocations: [AgentName: SourceLocation] = [:]
  var agentFields: [AgentName: Fields] = [:]
  var agentIndex: [AgentName: Int] = [:]
  var priceLocations: [String: SourceLocation] = [:]
  var supervisorLocations: [SupervisorName: SourceLocation] = [:]
  /// What `run` knows besides agents, and where it was named.
  var flowKinds: [String: RunKind] = [:]
  var flowLocations: [String: SourceLocation] = [:]
  var flowItems: [(kind: RunKind, item: Named)] = []
  /// The flows that the steps of each flow run, and where they say so.
  var flowCalls: [String: [FlowCall]] = [:]
  /// What names its validators.
  var gateUses: [GateUse] = []
  /// Names that whoever makes a file of them adds to the configuration.
  var openNames: [OpenName] = []
  /// A name that no validator has is passed over.
  var ignoresUnknownValidators = false
  /// A flow runs itself or too much: nothing can be pinned.
  var isRecursive = false
  /// Models that stand in for others, to be compared when all prices are known.
  var downgrades: [Downgrade] = []
  /// Reasons that concern every agent, said once.
  private(set) var projectRefusals: [PlanRefusal] = []
  /// The names of time zones that this machine knows; empty if it does not say.
  let zoneNames: () -> [String]
  /// The rules of a time zone; nil if this machine has none of that name.
  let zoneRules: (String) -> TimeZoneRules?
  let isCheaper: CheaperCheck
  let secret: SecretLookup

  init(
    project: ProjectPaths, documents: [Fields], environment: [String: String],
    zoneNames: @escaping () -> [String] = { [] }, zoneRules: @escaping (String) -> TimeZoneRules? = { _ in nil },
    isCheaper: @escaping CheaperCheck = Self.ownPrices,
    secret: @escaping SecretLookup = { _ in .missing(known: []) },
    moduleHead: @escaping (String) -> ModuleHead = { _ in .module },
    leadsOutside: @escaping (String) -> Bool = { _ in false },
    readFile: @escaping (String, SourceLocation) -> Result<SourceFile, Diagnostic>
  ) {
    self.project = project
    self.documents = documents
    self.environment = environment
    self.zoneNames = zoneNames
    self.zoneRules = zoneRules
    self.isCheaper = isCheaper
    self.secret = secret
    self.readFile = readFile
    self.moduleHead = moduleHead
    self.leadsOutside = leadsOutside
    plan = ProjectPlan(name: project.defaultName)
  }

  mutating func report(_ diagnostic: Diagnostic) { diagnostics.append(diagnostic) }

  mutating func build() {
    if let name = single("name")?.text { plan.name = name }
    buildProviders()
    buildModels()
    buildAgents()
    buildSupervisors()
    collectFlows()
    buildCost()
    buildServer()
    buildStore()
    buildAudit()
    buildFlows()
    checkSandboxes()
    checkOpenNames()
    refuseByProject()
    checkModels()
    buildApprovals()
    buildGovernance()
    buildValidators()
    checkDowngrades()
    // The agents are what they are from here on.
    pinFlows()
    buildSchedules()
  }

  // MARK: Reading across documents

  /// The value of a key that the whole project has once.
  mutating func single(_ name: String) -> Shaped? {
    var first: Fields.Field?
    for document in documents {
      guard let field = document.field(name) else { continue }
      guard let earlier = first else {
        first = field
        continue
      }
      report(
        Diagnostic(
          "NX-CFG-113", "`\(field.written)` is already set in another document", at: field.keyLocation,
          notes: [.init("the first one is here", at: earlier.keyLocation)], help: "keep one of the two"))
    }
    return first?.value
  }

  /// A named object from a collection, whichever form it was written in.
  struct Named {
    var name: String
    var location: SourceLocation
    var fields: Fields
  }

  mutating func named(_ plural: String, _ singular: String?) -> [Named] {
    var found: [Named] = []
    for document in documents {
      for field in document.order where field == plural || field == singular {
        guard let value = document.value(field) else { continue }
        for entry in value.entries ?? [] {
          guard let fields = entry.value.fields else { continue }
          if let stated = fields.value("name"), stated.text != entry.key {
            report(
              Diagnostic(
                "NX-CFG-115", "`name` says something else than the key `\(entry.key)`", at: stated.location,
                notes: [.init("the key is here", at: entry.keyLocation)], help: "remove `name`"))
          }
          found.append(Named(name: entry.key, location: entry.keyLocation, fields: fields))
        }
        for fields in value.list?.compactMap(\.fields) ?? value.fields.map({ [$0] }) ?? [] {
          if let name = fields.value("name"), let text = name.text {
            found.append(Named(name: text, location: name.location, fields: fields))
          } else if !fields.has("name") {
            report(
              Diagnostic("NX-CFG-102", "\(fields.shape.title) needs the key `name`", at: fields.location))
          }
        }
      }
    }
    return withoutDuplicates(found)
  }

  private mutating func withoutDuplicates(_ found: [Named]) -> [Named] {
    var first: [String: SourceLocation] = [:]
    var unique: [Named] = []
    for item in found {
      if item.name == "global" {
        report(
          Diagnostic(
            "NX-CFG-201", "`global` stands for the whole project", at: item.location, help: "choose another name"))
      }
      if let earlier = first[item.name] {
        report(
          Diagnostic(
            "NX-CFG-201", "the name `\(item.name)` is already taken", at: item.location,
            notes: [.init("the first one is here", at: earlier)], help: "rename one of the two"))
      } else {
        first[item.name] = item.location
        unique.append(item)
      }
    }
    return unique
  }

  // MARK: Server and store

  private mutating func buildServer() {
    let network = single("network")?.fields?.value("dashboard")
    guard let value = single("server") ?? network, let fields = value.fields else { return }
    if let host = fields.text("host") {
      plan.server.host = host
      let isLoopback = host == "localhost" || host == "::1" || Self.isLoopbackIPv4(host)
      if !isLoopback, let location = fields.value("host")?.location {
        report(
          Diagnostic(
            "NX-CFG-208", "`\(host)` would open the node to the network, and there is no authentication yet",
            at: location, help: "listen on 127.0.0.1 and forward the port with ssh -L"))
      }
    }
    if let port = fields.integer("port") { plan.server.port = port }
    plan.server.agentPort = fields.integer("agentPort")
    if let agentPort = plan.server.agentPort, agentPort == plan.server.port, agentPort != 0,
      let location = fields.value("agentPort")?.location
    {
      report(
        Diagnostic(
          "NX-CFG-214", "the port \(agentPort) is already the dashboard's", at: location,
          notes: fields.value("port").map { [.init("it is set here", at: $0.location)] } ?? [],
          help: "the two planes need two ports"))
    }
  }

  private static func isLoopbackIPv4(_ host: String) -> Bool {
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  private mutating func buildStore() {
    let store = single("store")
    if let url = store?.fields?.value("url") ?? store, let text = url.text, text != "sqlite" {
      let isPostgres = text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") || text == "postgres"
      report(
        Diagnostic(
          "NX-CFG-303", isPostgres ? "the PostgreSQL store is not available yet" : "there is no such store",
          at: url.location,
          label: "expected sqlite", help: "remove the key: sqlite is the default",
          suggestion: isPostgres ? nil : Suggestion.nearest(to: text, among: ["sqlite"])))
    }
    if let retention = store?.fields?.fields("retention") {
      plan.retention = RetentionSpec(
        completed: retention.duration("completed"), failed: retention.duration("failed"))
    }
    let top = single("durability")
    let inner = store?.fields?.value("durability")
    if let top, let inner {
      report(
        Diagnostic(
          "NX-CFG-113", "`durability` is set twice", at: max(top.location, inner.location),
          notes: [.init("the first one is here", at: min(top.location, inner.location))], help: "keep one of the two"))
    }
    if let word = (top ?? inner)?.text, let durability = Durability(rawValue: word) { plan.durability = durability }
  }

  // MARK: What cannot be enforced yet

  /// Keys at the top that restrict every agent.
  private mutating func refuseByProject() {
    for document in documents {
      for name in document.order {
        guard let field = document.field(name), field.availability == .laterAndRestricts else { continue }
        let refusal = PlanRefusal(code: "NX-CFG-302", message: "`\(field.written)` cannot be enforced yet")
        projectRefusals.append(refusal)
        for index in plan.agents.indices { plan.agents[index].refuse(refusal) }
      }
    }
  }
}

extension AgentSpec {
  /// Adds a reason, once.
  mutating func refuse(_ refusal: PlanRefusal) {
    if !refusals.contains(refusal) { refusals.append(refusal) }
  }
}
