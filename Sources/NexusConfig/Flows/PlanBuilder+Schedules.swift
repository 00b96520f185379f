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
      guard let cron = cron(fields), let run else { continue }
      var spec = ScheduleSpec(
        name: ScheduleName(item.name), cron: cron.expression, cronText: cron.text, timeZone: zone, run: run)
      if let input = fields.value("input") { spec.input = data(input) ?? .null }
      if let overlap = fields.word("overlap", as: ScheduleOverlap.self) { spec.overlap = overlap }
      if let catchUp = fields.value("catchUp") { spec.catchUp = self.catchUp(catchUp) }
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
    guard let value = fields.value("timezone"), let text = value.text, text != ScheduleSpec.defaultTimeZone
    else { return ScheduleSpec.defaultTimeZone }
    checkZone(text, at: value.location)
    return text
  }

  /// False, with a diagnostic, if no zone has that name.
  @discardableResult
  mutating func checkZone(_ text: String, at location: SourceLocation) -> Bool {
    let known = zoneNames()
    if !ZoneNames.isName(text) || (!known.isEmpty && !known.contains(text)) {
      report(
        Diagnostic(
          "NX-CFG-249", "`\(text)` is not the name of a time zone", at: location,
          help: "write a name of the IANA database, such as Europe/Berlin or UTC",
          suggestion: Suggestion.nearest(to: text, among: known)))
      return false
    }
    return true
  }

  private func catchUp(_ value: Shaped) -> ScheduleCatchUp {
    var catchUp = ScheduleCatchUp()
    if let policy = value.text.flatMap(ScheduleCatchUp.Policy.init(rawValue:)) { catchUp.policy = policy }
    if case .duration(let window) = value.content { catchUp.window = window }
    if let fields = value.fields {
      if let policy = fields.word("policy", as: ScheduleCatchUp.Policy.self) { catchUp.policy = policy }
      if let window = fields.duration("window") { catchUp.window = window }
    }
    return catchUp
  }

  /// What is run; whatever refuses its runs refuses them here, too.
  private mutating func target(_ fields: Fields) -> String? {
    guard let value = fields.value("run"), let name = value.text else { return nil }
    if agentLocations[AgentName(name)] == nil, flowLocations[name] == nil {
      reportUndefined(name, at: value.location, orAmong: flowLocations.keys.sorted())
    }
    return name
  }
}
