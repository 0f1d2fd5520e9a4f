@testable import RPC

/// The reader of length-prefixed messages.
///
/// The first octet of an input: its low six bits are the octets of a piece (0: all at once), bit 6 names gzip as the
/// encoding, bit 7 takes messages only at the end.
enum FramingTarget {
  static func run(_ input: UnsafeRawBufferPointer) {
    guard let mode = input.first else { return }
    let octets = input.skipping(1)
    let compression: Compression = mode & 0x40 != 0 ? .gzip : .identity
    let inPieces = read(octets, pieceBytes: Int(mode & 0x3f), compression, takesAtOnce: mode & 0x80 == 0)
    let atOnce = read(octets, pieceBytes: 0, compression, takesAtOnce: true)
    precondition(inPieces == atOnce, "the same octets mean something else in pieces")
    travel(octets)
  }

  private struct Outcome: Equatable {
    var messages: [Bench.EchoRequest] = []
    var error: RPCError?
  }

  private static func read(
    _ octets: UnsafeRawBufferPointer, pieceBytes: Int, _ compression: Compression, takesAtOnce: Bool
  ) -> Outcome {
    var reader = MessageReader(messageBytesMax: sizeMax, compression: compression)
    var outcome = Outcome()
    var credit = 0
    for piece in octets.chunks(of: pieceBytes) {
      credit += reader.append(piece)
      precondition(credit <= octets.count, "more is credited than was received")
      if takesAtOnce { take(from: &reader, &outcome, &credit) }
      // A reader that gave an error is not read any more.
      if outcome.error != nil { break }
    }
    reader.end()
    if outcome.error == nil { take(from: &reader, &outcome, &credit) }
    credit += reader.takeOwed()
    precondition(credit <= octets.count, "more is credited than was received")
    if outcome.error == nil { precondition(credit == octets.count, "\(octets.count - credit) octets were never credited") }
    return outcome
  }

  private static func take(from reader: inout MessageReader, _ outcome: inout Outcome, _ credit: inout Int) {
    do throws(RPCError) {
      while let message = try reader.take(Bench.EchoRequest.self, credit: &credit) { outcome.messages.append(message) }
    } catch {
      outcome.error = error
    }
  }

  /// What a writer writes, a reader reads.
  private static func travel(_ payload: UnsafeRawBufferPointer) {
    guard payload.count < sizeMax / 2 else { return }
    for compression in Compression.allCases {
      var writer = MessageWriter()
      writer.compression = compression
      let messages = [Bench.EchoRequest(payload: Array(payload)), Bench.EchoRequest(id: 7)]
      for message in messages { writer.append(message) }
      var framed = [UInt8](repeating: 0, count: writer.queuedBytes)
      let count = framed.withUnsafeMutableBytes { writer.take(into: $0) }
      precondition(count == framed.count && writer.queuedBytes == 0, "a writer keeps what it was asked for")
      let outcome = framed.withUnsafeBytes { read($0, pieceBytes: 7, compression, takesAtOnce: true) }
      precondition(outcome == Outcome(messages: messages), "a message changed on its way: \(String(describing: outcome.error))")
    }
  }

  /// Octets of a message; small, so that short inputs exceed it.
  private static let sizeMax = 8192
}
