internal import RPC
internal import RPCTransport

/// `rpc-echo PORT [--sync] [--tls CERT KEY] [--metrics PORT] [--limit NAME=VALUE]…`
struct Arguments {
  var port: Int
  var isSynchronous = false
  var tls: ServerTLS?
  /// Where counters can be read; nil for nowhere.
  var metricsPort: Int?
  var limits = ServerLimits()

  static let usage = """
    usage: rpc-echo PORT [--sync] [--tls CERT KEY] [--metrics PORT] [--limit NAME=VALUE]…
      --sync      answer unary calls on the event loop
      --metrics   serve counters over HTTP on 127.0.0.1
      --limit     one of: \(LimitSetting.all.map(\.name).joined(separator: ", "))
    """

  /// - Throws: `Wrong`, with a line for people.
  init(_ arguments: [String]) throws(Wrong) {
    guard let first = arguments.first, let port = Int(first) else { throw Wrong(line: Arguments.usage) }
    self.port = port
    var rest = arguments.dropFirst()
    while let option = rest.popFirst() {
      switch option {
      case "--sync": isSynchronous = true
      case "--tls":
        guard let certificate = rest.popFirst(), let key = rest.popFirst() else { throw Wrong(line: Arguments.usage) }
        tls = ServerTLS(certificateChain: .file(certificate), privateKey: .file(key))
      case "--metrics":
        guard let port = rest.popFirst().flatMap({ Int($0) }) else { throw Wrong(line: Arguments.usage) }
        metricsPort = port
      case "--limit":
        guard let word = rest.popFirst() else { throw Wrong(line: Arguments.usage) }
        try setLimit(word)
      default: throw Wrong(line: Arguments.usage)
      }
    }
  }

  private mutating func setLimit(_ word: String) throws(Wrong) {
    let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, let setting = LimitSetting.named(parts[0]) else {
      throw Wrong(line: "rpc-echo: '\(word)' sets no limit\n\(Arguments.usage)")
    }
    do throws(LimitProblem) {
      try setting.set(parts[1], in: &limits)
    } catch {
      throw Wrong(line: "rpc-echo: \(parts[0]): \(error.message)")
    }
  }

  struct Wrong: Error {
    var line: String
  }
}
