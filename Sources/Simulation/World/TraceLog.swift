internal import Logging

/// Writes what a process logs into the trace, so that two runs of one seed are compared line by line.
struct TraceLog: LogHandler {
  let process: SimulatedProcess
  var logLevel: Logger.Level = .debug
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    // What a dead process says while it unwinds, nobody hears.
    guard process.isAlive else { return }
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    let words = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    process.world.note(process.name, "\(event.level) \(event.message)\(words)")
  }

  static func logger(_ process: SimulatedProcess) -> Logger {
    var logger = Logger(label: process.name, factory: { _ in TraceLog(process: process) })
    logger.logLevel = .debug
    return logger
  }
}
