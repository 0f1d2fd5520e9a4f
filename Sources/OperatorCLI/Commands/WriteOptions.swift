internal import ArgumentParser
internal import RPC
internal import Wire

/// Options of every command that changes one object.
struct WriteOptions: ParsableArguments {
  @Flag(help: "Check only; nothing is written.")
  var dryRun = false

  @Option(help: "Refuse (status 4) unless the object is at this revision.")
  var ifRevision: UInt64?

  @Option(help: "Idempotency key: a repeat within 24 hours returns the first answer.")
  var requestID: String?

  /// For commands that add: what is new has no revision.
  func refuseRevision() throws {
    guard ifRevision != nil else { return }
    throw CommandFailure(.usage, "--if-revision is for what exists; what is added has no revision yet")
  }
}

/// Options that were given without a value.
enum EmptyOption {
  /// - Throws: `CommandFailure` for the first that is empty.
  static func refuse(_ options: [(name: String, text: String?)]) throws {
    guard let empty = options.first(where: { $0.text?.isEmpty == true }) else { return }
    throw CommandFailure(.usage, "\(empty.name) is empty; leave it out, or give '-' where that clears the field")
  }
}

/// Options of commands that can wait for racks.
struct WaitOptions: ParsableArguments {
  @Flag(help: "Wait until the racks serve the change.")
  var wait = false

  @Option(help: "Give up waiting after this long, for example 30s, 10m.")
  var timeout: DurationArgument = DurationArgument(seconds: 60)
}

/// A duration on a command line: `500ms`, `30s`, `10m`, `2h`, `7d`.
struct DurationArgument: ExpressibleByArgument, Hashable, CustomStringConvertible {
  /// From 1 ms to 366 days.
  var milliseconds: Int64

  static let millisecondsMax: Int64 = 366 * 86_400_000

  init(seconds: Int64) { milliseconds = seconds * 1000 }

  init?(argument: String) {
    let digits = argument.prefix { $0.isASCII && $0.isNumber }
    guard let count = Int64(digits), count > 0 else { return nil }
    let unit: Int64
    switch argument.dropFirst(digits.count) {
    case "ms": unit = 1
    case "s", "": unit = 1000
    case "m": unit = 60_000
    case "h": unit = 3_600_000
    case "d": unit = 86_400_000
    default: return nil
    }
    let (product, overflow) = count.multipliedReportingOverflow(by: unit)
    guard !overflow, product <= Self.millisecondsMax else { return nil }
    milliseconds = product
  }

  var duration: Duration { .milliseconds(milliseconds) }
  var nanoseconds: Int64 { milliseconds * 1_000_000 }

  var description: String {
    switch milliseconds {
    case let value where value % 86_400_000 == 0: "\(value / 86_400_000)d"
    case let value where value % 3_600_000 == 0: "\(value / 3_600_000)h"
    case let value where value % 60_000 == 0 && value > 60_000: "\(value / 60_000)m"
    case let value where value % 1000 == 0: "\(value / 1000)s"
    default: "\(milliseconds)ms"
    }
  }
  var defaultValueDescription: String { description }
}

extension MusterV1.WriteOutcome {
  /// `added`, `updated`, `removed` or `unchanged`.
  var word: String {
    switch self {
    case .added: "added"
    case .updated: "updated"
    case .removed: "removed"
    case .unchanged, .unspecified, .unrecognized: "unchanged"
    }
  }
}
