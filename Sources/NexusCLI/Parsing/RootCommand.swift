// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import ArgumentParser

/// `naos` itself: it only knows its commands.
package struct RootCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "naos",
    abstract: "Runs AI agents in production: supervised, budgeted, crash-proof, on one machine.",
    discussion: """
      Start with `naos init my-project`. Every command takes --project, -o, --quiet and --verbose.
      `naos help exit-codes` lists the exit codes; `naos explain NX-…` explains an error.
      """,
    groupedSubcommands: [
      CommandGroup(
        name: "Projects:",
        subcommands: [
          InitCommand.self, CreateCommand.self, TemplatesCommand.self, ConfigCommand.self, SecretCommand.self,
        ]),
      CommandGroup(
        name: "The node:",
        subcommands: [
          UpCommand.self, DownCommand.self, ReloadCommand.self, StatusCommand.self, TopCommand.self, LogsCommand.self,
          DashboardCommand.self, DoctorCommand.self,
        ]),
      CommandGroup(
        name: "Agents:",
        subcommands: [RunCommand.self, StopCommand.self, DeleteCommand.self, ListCommand.self, InspectCommand.self]),
      CommandGroup(name: "Skills:", subcommands: [SkillCommand.self]),
      CommandGroup(name: "Supervisors:", subcommands: [SupervisorCommand.self]),
      CommandGroup(
        name: "Workflows, sagas, pools and schedules:",
        subcommands: [WorkflowCommand.self, SagaCommand.self, PoolCommand.self, ScheduleCommand.self]),
      CommandGroup(name: "Runs:", subcommands: [RunsCommand.self]),
      CommandGroup(name: "Costs:", subcommands: [CostCommand.self, PricesCommand.self]),
      CommandGroup(
        name: "Gates and audit:",
        subcommands: [
          GateCommand.self, ApprovalsCommand.self, StateCommand.self, TokenCommand.self, AuditCommand.self,
          SandboxCommand.self,
        ]),
      CommandGroup(name: "Help:", subcommands: [ExplainCommand.self, VersionCommand.self]),
    ])

  package init() {}

  /// Without a command, the help is what was wanted.
  package func run() throws { throw CleanExit.helpRequest(self) }
}
