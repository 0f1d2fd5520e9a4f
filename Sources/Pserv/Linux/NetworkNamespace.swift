internal import CLinux
internal import Foundation
internal import Glibc

/// The network namespace whose links something works on: nearly always the agent's own. Integration tests name
/// one they made.
package enum NetworkNamespace: Hashable, Sendable {
  case own
  /// A file such as `/run/netns/rack1`.
  case path(String)

  /// Runs `body` in the namespace; sockets it opens stay there for their life.
  ///
  /// A namespace belongs to a thread, so a foreign one costs a thread of its own. `body` must be short.
  package func run<Value: Sendable>(_ body: @escaping @Sendable () throws(SystemError) -> Value) throws(SystemError)
    -> Value
  {
    guard case .path(let path) = self else { return try body() }
    let handle = try FileDescriptor.open(path, O_RDONLY)
    let outcome = Outcome<Value>()
    let thread = Thread {
      do throws(SystemError) {
        _ = try muster_enter_network_namespace(handle.number).orThrow("setns \(path)")
        outcome.finish(.success(try body()))
      } catch {
        outcome.finish(.failure(error))
      }
    }
    thread.start()
    return try outcome.wait().get()
  }

  /// The words before a command that start it in this namespace; none for the agent's own.
  ///
  /// `nsenter` without `--fork` replaces itself by the command, so the process id stays.
  var commandPrefix: [String] {
    switch self {
    case .own: []
    case .path(let path): ["/usr/bin/nsenter", "--net=\(path)", "--"]
    }
  }

  /// Tells namespaces apart: the inode behind the path.
  var identity: String? {
    switch self {
    case .own: ProcessTable.networkNamespace(of: getpid())
    case .path(let path):
      {
        var status = stat()
        return stat(path, &status) == 0 ? "net:[\(status.st_ino)]" : nil
      }()
    }
  }
}

/// Hands one result from a thread to another that waits for it.
private final class Outcome<Value: Sendable>: @unchecked Sendable {
  private let done = DispatchSemaphore(value: 0)
  private var result: Result<Value, SystemError>?

  func finish(_ result: Result<Value, SystemError>) {
    self.result = result
    done.signal()
  }

  func wait() -> Result<Value, SystemError> {
    done.wait()
    guard let result else { preconditionFailure("signalled without a result") }
    return result
  }
}
