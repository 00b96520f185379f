// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  mutating func buildSchedules() {
    for item in named("schedules", nil) {
      let fields = item.fields
      let zone = timezone(fields)
      let run = target(fields)
      guard let cron = cron(fields), let (name, refusals) = run else { continue }
      var spec = ScheduleSpec(name: item.name, expression: cron.text, cron: cron.expression, run: name)
      spec.refusals = refusals
      spec.timezone = zone
      if let input = fields.value("input") { spec.input = data(input) ?? .null }
      if let overlap = fields.word("overlap", as: OverlapPolicy.self) { spec.overlap = overlap }
      switch fields.value("catchUp")?.content {
      case .duration(let length)?: spec.catchUp = .within(length)
      case .text("none", _)?: spec.catchUp = .none
      case .text("all", _)?: spec.catchUp = .all
      default: break
      }
      plan.schedules.append(spec)
    }
  }

  private mutating func cron(_ fields: Fields) -> (text: String, expression: CronExpression)? {
    guard let value = fields.value("cron"), let text = value.text else { return nil }
    do throws(CronSyntaxError) { return (text, try CronExpression(parsing: text)) } catch {
      var place = value.location
      let quotes = place.length - text.unicodeScalars.count
      // Bytes are scalars in all that a cron expression may hold.
      if text.utf8.count == text.unicodeScalars.count, quotes == 0 || quotes == 2 {
        place.column += min(error.offset, max(0, text.utf8.count - 1)) + quotes / 2
        place.length = error.length
      }
      report(Diagnostic("NX-CFG-249", error.message, at: place, label: "of `cron`", suggestion: error.suggestion))
      return nil
    }
  }

  private mutating func timezone(_ fields: Fields) -> String {
    guard let value = fields.value("timezone"), let text = value.text, text != "UTC" else { return "UTC" }
    let known = zoneNames()
    if !ZoneNames.isName(text) || (!known.isEmpty && !known.contains(text)) {
      report(
        Diagnostic(
          "NX-CFG-249", "`\(text)` is not the name of a time zone", at: value.location,
          help: "write a name of the IANA database, such as Europe/Berlin or UTC",
          suggestion: Suggestion.nearest(to: text, among: known)))
    }
    return text
  }

  /// What is run, and why it may not be.
  private mutating func target(_ fields: Fields) -> (name: String, refusals: [PlanRefusal])? {
    guard let value = fields.value("run"), let name = value.text else { return nil }
    if let index = agentIndex[AgentName(name)] {
      return (name, plan.agents[index].refusals.map { refusal($0, of: AgentName(name)) })
    }
    if let flow = plan.flow(name) { return (name, flow.refusals) }
    if let pool = plan.queuePools.first(where: { $0.name == name }) { return (name, pool.refusals) }
    // One that is wrong is reported where it stands.
    if flowLocations[name] == nil {
      reportUndefined(name, at: value.location, orAmong: flowLocations.keys.sorted())
    }
    return (name, [PlanRefusal(code: "NX-CFG-203", message: "there is no agent `\(name)`")])
  }
}
