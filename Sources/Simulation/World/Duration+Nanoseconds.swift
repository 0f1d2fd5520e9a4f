extension Duration {
  /// Saturates.
  var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, isOver) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return isOver ? (seconds < 0 ? .min : .max) : product &+ attoseconds / 1_000_000_000
  }
}
