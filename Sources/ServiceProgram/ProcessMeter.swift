internal import Foundation
internal import Metrics

/// The process itself in numbers, under the names that every Prometheus client uses.
struct ProcessMeter: Sendable {
  private let resident = Meter(label: "process_resident_memory_bytes")
  private let files = Meter(label: "process_open_fds")

  /// Says once when the process started: a start that nobody ordered shows as a jump.
  init() {
    Meter(label: "process_start_time_seconds").set(Date.now.timeIntervalSince1970)
  }

  /// Takes the numbers of this moment. Without /proc there are none.
  func measure() throws {
    guard FileManager.default.fileExists(atPath: "/proc/self/statm") else { return }
    // The second number is the pages that are resident (proc(5)).
    let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ").dropFirst().first
    if let pages = pages.flatMap({ Int($0) }) { resident.set(pages * Int(sysconf(Int32(_SC_PAGESIZE)))) }
    files.set(try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count)
  }
}
