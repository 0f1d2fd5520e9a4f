internal import RPC
internal import Wire

/// The rows of one import as they came, encoded: about a sixth of what they take as values.
///
/// An import checks every row before it applies the first, so all of them have to wait somewhere; here they
/// wait within a bound.
struct ImportSpool: Sendable {
  /// Rows of one import.
  static let rowsMax = 1_000_000
  /// Octets of all its rows together. A row of one interface takes about 150.
  static let sizeBytesMax = 512 << 20
  /// What is in the spool was bounded when it came, by limits that an operator may have raised.
  private static let bounded = MessageLimits(depthMax: .max, fieldsMax: .max, arenaBytesMax: .max)
  /// Rows grow in pieces of this size, so that nothing large is ever moved.
  private static let pieceBytes = 1 << 20

  private var pieces: [[UInt8]] = []
  /// Where each row lies: the piece, and the range in it.
  private var places: [Place] = []
  private(set) var sizeBytes = 0

  private struct Place: Sendable {
    var piece: UInt32
    var start: UInt32
    var count: UInt32
  }

  var count: Int { places.count }

  /// - Throws: `RPCError(.resourceExhausted)` at a bound; the row was not taken.
  mutating func append(_ row: MusterV1.ImportRow) throws(RPCError) {
    guard places.count < Self.rowsMax else {
      throw RPCError(.resourceExhausted, "an import has at most \(Self.rowsMax) rows; divide the file")
    }
    if pieces.isEmpty || pieces[pieces.count - 1].count >= Self.pieceBytes {
      var piece: [UInt8] = []
      piece.reserveCapacity(Self.pieceBytes + 4_096)
      pieces.append(piece)
    }
    let last = pieces.count - 1
    let start = pieces[last].count
    let encoded = row.serializedBytes()
    guard sizeBytes + encoded.count <= Self.sizeBytesMax else {
      throw RPCError(
        .resourceExhausted, "an import has at most \(Self.sizeBytesMax >> 20) MiB of rows; divide the file")
    }
    pieces[last].append(contentsOf: encoded)
    places.append(Place(piece: UInt32(last), start: UInt32(start), count: UInt32(encoded.count)))
    sizeBytes += encoded.count
  }

  subscript(_ index: Int) -> MusterV1.ImportRow {
    let place = places[index]
    return pieces[Int(place.piece)].withUnsafeBytes { bytes in
      let slice = UnsafeRawBufferPointer(rebasing: bytes[Int(place.start)..<Int(place.start + place.count)])
      do {
        return try MusterV1.ImportRow(serialized: slice, limits: Self.bounded)
      } catch {
        preconditionFailure("a row that was encoded here cannot be decoded: \(error)")
      }
    }
  }
}
