@testable import RPC

/// Messages as a stream carries them.
func framed(_ messages: [some Message], compression: Compression = .identity) -> [UInt8] {
  var writer = MessageWriter()
  writer.compression = compression
  for message in messages { writer.append(message) }
  var octets = [UInt8](repeating: 0, count: writer.queuedBytes)
  _ = octets.withUnsafeMutableBytes { writer.take(into: $0) }
  return octets
}
