import ArgumentParser
import Foundation
import Pserv
import ServiceLifecycle
import ServiceProgram
import Settings
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
      configuration file, then from defaults; --check-config shows which. MUSTER_CONFIG names the file \
      like --config.

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
    let program = ServiceProgram(name: "muster-pserv", configurationPath: Self.configurationPath)
    let (resolver, settings) = program.settings(path: config, keys: PservSettings.keys, flags: flags.given) {
      try PservSettings($0, hostName: ProcessInfo.processInfo.hostName, fileProblems: $1)
    }
    if checkConfig {
      for line in resolver.effective(PservSettings.keys, computed: settings.computedDefaults) { print(line) }
      return
    }
    let log = program.logger(level: settings.logLevel, isJSON: settings.logsJSON)
    do {
      let agent = try await LiveAgent(
        settings, keepDaemons: keepDaemons, reclaim: reclaim, program: program, log: log)
      var configuration = ServiceGroupConfiguration(
        services: agent.services, gracefulShutdownSignals: [.sigterm, .sigint], logger: log)
      configuration.maximumGracefulShutdownDuration = Self.shutdownMax
      try await ServiceGroup(configuration: configuration).run()
    } catch {
      program.fail(error)
    }
  }
}
