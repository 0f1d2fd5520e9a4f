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

  static let configuration = CommandConfiguration(
    commandName: "muster-pserv",
    abstract: "Serves DHCP, TFTP and HTTP boot to one rack, as the region says.",
    discussion:
      "Each setting can also be given as MUSTER_… in the environment. A stop by SIGTERM ends the DHCP and TFTP servers; after a crash they go on and the next start adopts them.",
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
    let (resolver, settings) = try readSettings()
    if checkConfig {
      for line in PservSettings.effective(resolver) { print(line) }
      return
    }
    let log = Self.logger(settings)
    do {
      let agent = try LiveAgent(settings, keepDaemons: keepDaemons, reclaim: reclaim, log: log)
      let group = ServiceGroup(
        configuration: ServiceGroupConfiguration(
          services: agent.services, gracefulShutdownSignals: [.sigterm, .sigint], logger: log))
      try await group.run()
    } catch {
      fail("\(error)")
    }
  }

  private func readSettings() throws -> (SettingsResolver, PservSettings) {
    let path = config ?? ProcessInfo.processInfo.environment["MUSTER_CONFIG"] ?? Self.configurationPath
    var file: SettingsFile?
    do {
      file = SettingsFile(name: path, text: try String(contentsOfFile: path, encoding: .utf8))
    } catch {
      // Only the default file may be missing.
      guard config == nil, !FileManager.default.fileExists(atPath: path) else {
        fail("\(path) cannot be read: \(error.localizedDescription)")
      }
    }
    let environment = ProcessInfo.processInfo.environment
    let resolver = SettingsResolver(flags: flags.given, environment: environment, file: file)
    do {
      let settings = try PservSettings(
        resolver, hostName: ProcessInfo.processInfo.hostName, fileProblems: file?.problems ?? [])
      return (resolver, settings)
    } catch {
      fail(error.problems.map(\.description).joined(separator: "\nmuster-pserv: "))
    }
  }

  private static func logger(_ settings: PservSettings) -> Logger {
    let isJSON = settings.logsJSON
    LoggingSystem.bootstrap { label in isJSON ? JSONLogHandler(label: label) : StreamLogHandler.standardError(label: label) }
    var log = Logger(label: "muster-pserv")
    log.logLevel = Logger.Level(rawValue: settings.logLevel) ?? .info
    return log
  }

  private func fail(_ words: String) -> Never {
    FileHandle.standardError.write(Data("muster-pserv: \(words)\n".utf8))
    Self.exit(withError: ExitCode(1))
  }
}
