// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusDiagnostics
package import NexusKernel

/// What came of reading a project's configuration.
package struct ConfigLoadResult: Sendable {
  /// Nil if there is any error.
  package var plan: ProjectPlan?
  /// As much as could be understood, whatever is wrong: for those who only read what a project has done.
  package var sketch: ProjectPlan
  /// All of them, sorted by place.
  package var diagnostics: [Diagnostic]
  /// Every file that was read, for showing the diagnostics.
  package var files: [SourceFile]
}

/// Reads `nexus.config.yaml`, what it includes and `.env`, and makes a checked plan of them.
package enum ConfigLoader {
  package static let fileName = "nexus.config.yaml"
  static let environmentFileName = ".env"

  /// Loads the project in that folder; nothing is thrown, everything that is wrong is a diagnostic.
  ///
  /// `isCheaper` knows the prices that the configuration does not state, and `secret` the secrets that it names.
  package static func load(
    projectDirectory: String, environment: [String: String], isCheaper: CheaperCheck? = nil,
    secret: SecretLookup? = nil
  ) -> ConfigLoadResult {
    load(
      projectDirectory: projectDirectory, environment: environment, files: DiskFiles(), isCheaper: isCheaper,
      secret: secret)
  }

  /// The same as if `nexus.config.yaml` had this text: what a change would mean, before it is written.
  package static func load(
    projectDirectory: String, environment: [String: String], mainFile text: String,
    isCheaper: CheaperCheck? = nil, secret: SecretLookup? = nil
  ) -> ConfigLoadResult {
    let path = ProjectPaths(directory: projectDirectory).resolved(fileName)
    return load(
      projectDirectory: projectDirectory, environment: environment,
      files: EditedFiles(disk: DiskFiles(), path: path, bytes: Array(text.utf8)), isCheaper: isCheaper, secret: secret)
  }

  /// The same with the `validators` of another file in the place of the project's: what they would mean.
  package static func load(
    projectDirectory: String, environment: [String: String], validatorsIn file: String,
    isCheaper: CheaperCheck? = nil, secret: SecretLookup? = nil
  ) -> ConfigLoadResult {
    load(
      projectDirectory: projectDirectory, environment: environment, files: DiskFiles(), validatorsIn: file,
      isCheaper: isCheaper, secret: secret)
  }

  /// The same, from wherever the files are; prices are those that they state, unless `isCheaper` knows more.
  package static func load(
    projectDirectory: String, environment: [String: String], files: some ConfigFiles, validatorsIn file: String? = nil,
    isCheaper: CheaperCheck? = nil, secret: SecretLookup? = nil
  ) -> ConfigLoadResult {
    var reading = ConfigReading(paths: ProjectPaths(directory: projectDirectory), files: files)
    let variables = reading.readEnvironment().merging(environment) { _, outer in outer }
    reading.readProject()
    if let file { reading.readValidators(from: file) }

    var shaper = Shaper(environment: variables)
    let documents = reading.documents.compactMap { shaper.document($0) }
    var diagnostics = reading.diagnostics + shaper.diagnostics

    let paths = reading.paths
    var read = reading.readPaths
    var builder = PlanBuilder(
      project: paths, documents: documents, environment: variables, zoneNames: { ZoneNames.all(in: files) },
      zoneRules: { name in (try? TimeZoneFiles.read(name)).flatMap { try? TimeZoneRules(tzif: $0) } },
      isCheaper: isCheaper ?? PlanBuilder.ownPrices, secret: secret ?? { _ in .missing(known: []) },
      moduleHead: { files.moduleHead($0) },
      leadsOutside: { path in
        let target = files.target(of: path)
        return target != path && !ProjectPaths(directory: files.target(of: paths.directory)).contains(target)
      },
      readFile: { path, location in
        read.append(path)
        return files.readText(path, shownAs: paths.relative(path), from: location)
      })
    builder.openNames = reading.openNames
    // What names a validator of the project may name none of the other file.
    builder.ignoresUnknownValidators = file != nil
    // After a syntax error a file is missing, and every reference into it would look undefined.
    if !reading.isIncomplete {
      builder.build()
      diagnostics += builder.diagnostics
    }
    var seen: Set<String> = []
    builder.plan.configurationFiles = read.filter { seen.insert($0).inserted }
    let isValid = !reading.isIncomplete && !diagnostics.hasErrors
    return ConfigLoadResult(
      plan: isValid ? builder.plan : nil, sketch: builder.plan, diagnostics: diagnostics.sortedByLocation(),
      files: reading.sources + builder.sources)
  }

  /// The nearest folder at or above `directory` that holds `nexus.config.yaml`.
  package static func findProject(from directory: String) -> String? {
    findProject(from: directory, files: DiskFiles())
  }

  static func findProject(from directory: String, files: some ConfigFiles) -> String? {
    var folder = ProjectPaths.normalised(directory)
    while true {
      if files.exists(folder == "/" ? "/\(fileName)" : "\(folder)/\(fileName)") { return folder }
      guard folder != "/" else { return nil }
      folder = ProjectPaths.normalised(folder + "/..")
    }
  }

  /// What to say where there is no project.
  package static func noProject(from directory: String) -> Diagnostic {
    Diagnostic(
      "NX-CFG-001", "there is no \(fileName) in \(directory) or above it",
      help: "make a project with `naos init NAME`, or name one with --project DIR")
  }
}

extension Shaper {
  /// One document of the configuration; an empty one has no fields.
  mutating func document(_ node: YAMLNode) -> Fields? {
    if node.isNull { return Fields(shape: ConfigKeys.root, location: node.location) }
    guard case .mapping = node.content else {
      report(
        Diagnostic(
          "NX-CFG-010", "the configuration is a map of keys, not \(node.kindWord)", at: node.location,
          help: "begin with a key, for example `agents:`"))
      return nil
    }
    return shape(node, as: .object(ConfigKeys.root), of: "the configuration")?.fields
  }
}
