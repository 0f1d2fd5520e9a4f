internal import ArgumentParser
internal import Foundation
package import Logging
internal import Metrics
internal import MetricsText
package import Settings

/// What the programs that run as services share: where their settings come from, how they log, and how they say on
/// standard error what keeps them from starting.
package struct ServiceProgram: Sendable {
  private let name: String
  private let configurationPath: String

  /// - Parameters:
  ///   - name: The program's name, put before each line on standard error.
  ///   - configurationPath: The configuration file that is read when none is named; it may be missing.
  package init(name: String, configurationPath: String) {
    self.name = name
    self.configurationPath = configurationPath
  }

  /// Reads the configuration file and layers flags and environment over it. Ends the program when a named file
  /// cannot be read or when `check` finds problems; all of them are said at once.
  ///
  /// - Parameters:
  ///   - path: What `--config` gave; without it `MUSTER_CONFIG`, then the default file.
  ///   - keys: Every key there is.
  ///   - flags: What the command line gave, by key.
  ///   - check: Makes the settings; is given the file's own problems.
  package func settings<Settings>(
    path: String?, keys: [SettingKey], flags: [SettingKey: [String]],
    check: (SettingsResolver, [SettingsProblem]) throws -> Settings
  ) -> (resolver: SettingsResolver, settings: Settings) {
    let environment = ProcessInfo.processInfo.environment
    let path = path ?? environment["MUSTER_CONFIG"] ?? configurationPath
    var file: SettingsFile?
    if path != "/dev/null" {
      file = read(path, keys)
    }
    let resolver = SettingsResolver(flags: flags, environment: environment, file: file)
    do {
      return (resolver, try check(resolver, file?.problems ?? []))
    } catch {
      fail(error)
    }
  }

  private func read(_ path: String, _ keys: [SettingKey]) -> SettingsFile? {
    do {
      return SettingsFile(name: path, text: try String(contentsOfFile: path, encoding: .utf8), keys: keys)
    } catch {
      if path == configurationPath, !FileManager.default.fileExists(atPath: path) { return nil }
      fail(["\(path) cannot be read: \(systemWords(of: error))"])
    }
  }

  /// Sets up logging for the process, once, and gives the program's logger.
  ///
  /// - Parameter level: A level of swift-log; the settings have checked the word.
  package func logger(level: String, isJSON: Bool) -> Logger {
    LoggingSystem.bootstrap { label -> any LogHandler in
      if isJSON { return JSONLogHandler(label: label) }
      return StreamLogHandler.standardError(label: label)
    }
    var log = Logger(label: name)
    log.logLevel = Logger.Level(rawValue: level) ?? .info
    return log
  }

  /// Keeps what the process counts from now on, once, and gives the page that shows it. Whatever counts is made afterwards.
  ///
  /// - Returns: Takes what measures the program's own state each time somebody looks.
  package func metrics(log: Logger) -> (_ measure: @escaping @Sendable () async throws -> Void) -> MetricsPage {
    let counted = TextMetrics()
    MetricsSystem.bootstrap(counted)
    return { MetricsPage(counted, log: log, measure: $0) }
  }

  /// Ends the program with exit status 1 and one line for each problem that `error` holds.
  package func fail(_ error: any Error) -> Never {
    if let problems = error as? SettingsProblems { fail(problems.problems.map(\.description)) }
    fail(["\(error)"])
  }

  private func fail(_ lines: [String]) -> Never {
    for line in lines { FileHandle.standardError.write(Data("\(name): \(line)\n".utf8)) }
    exit(1)
  }
}
