import ArgumentParser
import Foundation
import Logging
import Pserv
import ServiceLifecycle
import UnixSignals

/// The rack agent's program: reads the command line and the configuration, takes the rack's lock, and runs.
@main
struct MusterPserv: AsyncParsableCommand {
  static let version = "0.1.0"
  static let configurationPath = "/etc/muster/pserv.yaml"
  /// How long a stop may take before the process ends anyway.
  static let shutdownMax: Duration = .seconds(20)

  static let configuration = CommandConfiguration(
    commandName: "muster-pserv",
    abstract: "Serves DHCP, TFTP and HTTP boot to one rack, as the region says.",
    discussion: """
      Settings come from the command line, then from environment variables (MUSTER_STATE for state), then from the \
      configuration file, then from defaults; --check-config shows which.

      A stop by SIGTERM or SIGINT ends the DHCP and TFTP servers too: left alone they would answer for subnets that the \
      region may give to another agent. --keep-daemons leaves them. After a crash they go on serving, and the next start \
      adopts them.
      """,
    version: version)

  @Option(help: "The configuration file.")
  var config: String?

  @Flag(help: "Print each effective setting with its source and end.")
  var checkConfig = false

  @Flag(help: "Leave the DHCP and TFTP servers running at a stop, for an upgrade of the agent.")
  var keepDaemons = false

  @Flag(help: "Serve again under a name that another machine took over.")
  var reclaim = false

  @OptionGroup(title: "Settings")
  var flags: SettingFlags

  func run() async throws {
    let (resolver, settings) = readSettings()
    if checkConfig {
      for line in PservSettings.effective(resolver) { print(line) }
      return
    }
    let log = Self.logger(settings)
    do {
      let agent = try LiveAgent(settings, keepDaemons: keepDaemons, reclaim: reclaim, log: log)
      var configuration = ServiceGroupConfiguration(
        services: agent.services, gracefulShutdownSignals: [.sigterm, .sigint], logger: log)
      configuration.maximumGracefulShutdownDuration = Self.shutdownMax
      try await ServiceGroup(configuration: configuration).run()
    } catch {
      fail(["\(error)"])
    }
  }

  private func readSettings() -> (SettingsResolver, PservSettings) {
    let environment = ProcessInfo.processInfo.environment
    let path = config ?? environment["MUSTER_CONFIG"] ?? Self.configurationPath
    let isNamed = path != Self.configurationPath
    var file: SettingsFile?
    do {
      file = SettingsFile(name: path, text: try String(contentsOfFile: path, encoding: .utf8))
    } catch {
      // Only the default file may be missing.
      if isNamed || FileManager.default.fileExists(atPath: path) {
        fail(["\(path) cannot be read: \(error.localizedDescription)"])
      }
    }
    let resolver = SettingsResolver(flags: flags.given, environment: environment, file: file)
    do {
      let settings = try PservSettings(
        resolver, hostName: ProcessInfo.processInfo.hostName, fileProblems: file?.problems ?? [])
      return (resolver, settings)
    } catch {
      fail(error.problems.map(\.description))
    }
  }

  private static func logger(_ settings: PservSettings) -> Logger {
    let isJSON = settings.logsJSON
    LoggingSystem.bootstrap { label -> any LogHandler in
      if isJSON { return JSONLogHandler(label: label) }
      return StreamLogHandler.standardError(label: label)
    }
    var log = Logger(label: "muster-pserv")
    log.logLevel = Logger.Level(rawValue: settings.logLevel) ?? .info
    return log
  }

  /// One line a problem, each with the program's name before it.
  private func fail(_ lines: [String]) -> Never {
    for line in lines { FileHandle.standardError.write(Data("muster-pserv: \(line)\n".utf8)) }
    Self.exit(withError: ExitCode(1))
  }
}
