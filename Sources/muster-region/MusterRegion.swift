import ArgumentParser
import Region
import ServiceLifecycle
import ServiceProgram
import Settings
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
      from the configuration file, then from defaults; --check-config shows which. MUSTER_CONFIG names the file \
      like --config.

      On standard output it prints one line, "ready on ADDRESS", when it listens; everything else goes to standard \
      error. It ends in good order on SIGTERM and SIGINT, and reads its configuration only at the start.
      """,
    version: version)

  @Option(help: "The configuration file. Without it \(Self.configurationPath) is read if it is there.")
  var config: String?

  @Flag(help: "Print each effective setting with its source and end.")
  var checkConfig = false

  @Option(help: "Put this backup in the place of the database, keep what was there beside it, and end.")
  var restore: String?

  @OptionGroup(title: "Settings")
  var flags: SettingFlags

  func run() async throws {
    let program = ServiceProgram(name: "muster-region", configurationPath: Self.configurationPath)
    let (resolver, settings) = program.settings(path: config, keys: RegionSettings.keys, flags: flags.given) {
      try RegionSettings($0, fileProblems: $1)
    }
    if checkConfig {
      for line in resolver.effective(RegionSettings.keys) { print(line) }
      return
    }
    if let restore {
      do {
        let kept = try LiveRegion.restore(from: restore, settings)
        print("\(settings.storePath) is \(restore) now\(kept.map { "; what was there is \($0)" } ?? "")")
      } catch {
        program.fail(error)
      }
      return
    }
    let log = program.logger(level: settings.logLevel, isJSON: settings.logsJSON)
    do {
      let region = try await LiveRegion(settings, program: program, log: log)
      var configuration = ServiceGroupConfiguration(
        services: region.services, gracefulShutdownSignals: [.sigterm, .sigint], logger: log)
      configuration.maximumGracefulShutdownDuration = LiveRegion.shutdownMax
      try await ServiceGroup(configuration: configuration).run()
      await region.store.close()
    } catch {
      program.fail(error)
    }
  }
}
