package import Provisioning
package import RPC

extension GoogleProtobuf.Timestamp {
  package init(_ time: Timestamp) {
    let (seconds, nanos) = time.nanoseconds.flooredDivision(by: nanosecondsPerSecond)
    self.init(seconds: seconds, nanos: Int32(nanos))
  }
}

extension Timestamp {
  /// Saturates: protobuf's years 1 to 9999 are more than 64 bits of nanoseconds hold (1678 to 2262).
  package init(_ time: GoogleProtobuf.Timestamp) {
    self.init(nanoseconds: saturatedNanoseconds(seconds: time.seconds, nanos: time.nanos))
  }
}

extension GoogleProtobuf.Duration {
  package init(nanoseconds: Int64) {
    // Seconds and nanos have the same sign (duration.proto).
    self.init(
      seconds: nanoseconds / nanosecondsPerSecond, nanos: Int32(nanoseconds % nanosecondsPerSecond))
  }

  /// Saturates.
  package var nanoseconds: Int64 { saturatedNanoseconds(seconds: seconds, nanos: nanos) }

  /// Whole seconds, fractions rounded up.
  package var secondsRoundedUp: Int64 { nanos > 0 && seconds < .max ? seconds + 1 : seconds }
}

private let nanosecondsPerSecond: Int64 = 1_000_000_000

private func saturatedNanoseconds(seconds: Int64, nanos: Int32) -> Int64 {
  let (product, tooFar) = seconds.multipliedReportingOverflow(by: nanosecondsPerSecond)
  let (sum, over) = product.addingReportingOverflow(Int64(nanos))
  return tooFar || over ? (seconds < 0 ? .min : .max) : sum
}

extension Int64 {
  fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
