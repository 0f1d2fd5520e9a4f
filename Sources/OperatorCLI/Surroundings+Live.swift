internal import Foundation
internal import RPC

extension Surroundings {
  /// Files larger than this are not read (octets): a million CSV rows are about 150 MB.
  static let inputBytesMax = 1 << 30

  /// The process's own terminal, files and clock.
  package static let live = Surroundings(
    writeOutput: { text in write(text, to: .standardOutput) },
    writeError: { text in write(text, to: .standardError) },
    readLine: { Swift.readLine(strippingNewline: true) },
    isOutputTerminal: isatty(STDOUT_FILENO) == 1,
    isInputTerminal: isatty(STDIN_FILENO) == 1,
    environment: ProcessInfo.processInfo.environment,
    now: {
      var time = timespec()
      clock_gettime(CLOCK_REALTIME, &time)
      return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    },
    readFile: { path in try readWhole(path) },
    withChannel: { target, body in try await Connection.withChannel(to: target, body) }
  )

  /// Ends the process quietly, as SIGPIPE would, when nobody reads any more: `muster node list | head`.
  private static func write(_ text: String, to file: FileHandle) {
    do {
      try file.write(contentsOf: Data(text.utf8))
    } catch {
      signal(SIGPIPE, SIG_DFL)
      raise(SIGPIPE)
      exit(CommandStatus.refused.rawValue)
    }
  }

  private static func readWhole(_ path: String) throws -> [UInt8] {
    let handle: FileHandle
    if path == "-" {
      handle = .standardInput
    } else {
      var isDirectory: ObjCBool = false
      if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
        throw CommandFailure(.usage, "cannot read \(path): it is a directory")
      }
      guard let opened = FileHandle(forReadingAtPath: path) else {
        throw CommandFailure(.usage, "cannot read \(path): \(String(cString: strerror(errno)))")
      }
      handle = opened
    }
    do {
      let data = try handle.read(upToCount: inputBytesMax + 1) ?? Data()
      guard data.count <= inputBytesMax else {
        throw CommandFailure(.invalidData, "\(path) is larger than \(inputBytesMax >> 20) MiB; split it")
      }
      return [UInt8](data)
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw CommandFailure(.usage, "cannot read \(path): \(error.localizedDescription)")
    }
  }
}
