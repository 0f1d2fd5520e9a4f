import ArgumentParser
import Foundation
import Logging
import Region
import ServiceLifecycle
import Store
import UnixSignals

/// The region controller's program: reads the command line and the configuration, opens the store, and serves.
@main
struct MusterRegion: AsyncParsableCommand {
  static let version = "0.1.0"
  static let configurationPath = "/etc/muster/region.yaml"

  static let configuration = CommandConfiguration(
    commandName: "muster-region",
    abstract: "Holds the desired state of all racks and tells each rack's agent its part.",
    discussion: """
      Settings come from the command line, then from environment variables (MUSTER_STORE_PATH for store.path), then \
      from the configuration file, then from defaults; --check-config shows which.

      On standard output it prints one line, "ready on ADDRESS", when it listens; everything else goes to standard \
      error. It ends in good order on SIGTERM and SIGINT, and reads its configuration only at the start.
      """,
    version: version)

  @Option(help: "The configuration file. Without it \(Self.configurationPath) is read if it is there.")
  var config: String?

  @Flag(help: "Print each effective setting with its source and end.")
  var checkConfig = false

  @OptionGroup(title: "Settings")
  var flags: SettingFlags

  func run() async throws {
    let (resolver, settings) = readSettings()
    if checkConfig {
      for line in RegionSettings.effective(resolver) { print(line) }
      return
    }
    let log = Self.logger(settings)
    do {
      let region = try LiveRegion(settings, log: log)
      var configuration = ServiceGroupConfiguration(
        services: region.services, gracefulShutdownSignals: [.sigterm, .sigint], logger: log)
      configuration.maximumGracefulShutdownDuration = LiveRegion.shutdownMax
      try await ServiceGroup(configuration: configuration).run()
      await region.store.close()
    } catch let error as SettingsProblems {
      fail(error.problems.map(\.description))
    } catch {
      fail(["\(error)"])
    }
  }

  private func readSettings() -> (SettingsResolver, RegionSettings) {
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
      return (resolver, try RegionSettings(resolver, fileProblems: file?.problems ?? []))
    } catch {
      fail(error.problems.map(\.description))
    }
  }

  private static func logger(_ settings: RegionSettings) -> Logger {
    let isJSON = settings.logsJSON
    LoggingSystem.bootstrap { label -> any LogHandler in
      if isJSON { return JSONLogHandler(label: label) }
      return StreamLogHandler.standardError(label: label)
    }
    var log = Logger(label: "muster-region")
    log.logLevel = Logger.Level(rawValue: settings.logLevel) ?? .info
    return log
  }

  /// One line a problem, each with the program's name before it.
  private func fail(_ lines: [String]) -> Never {
    for line in lines { FileHandle.standardError.write(Data("muster-region: \(line)\n".utf8)) }
    Self.exit(withError: ExitCode(1))
  }
}
