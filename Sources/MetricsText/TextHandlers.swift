internal import CoreMetrics
internal import Synchronization

final class TextCounter: CounterHandler {
  private let total = Atomic<Int64>(0)

  var value: Int64 { total.load(ordering: .relaxed) }

  func increment(by amount: Int64) { total.wrappingAdd(amount, ordering: .relaxed) }
  func reset() { total.store(0, ordering: .relaxed) }
}

final class TextGauge: MeterHandler, RecorderHandler {
  private let bits = Atomic<UInt64>(0)

  var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
  func record(_ value: Int64) { set(value) }
  func record(_ value: Double) { set(value) }
  func increment(by amount: Double) { change(by: amount) }
  func decrement(by amount: Double) { change(by: -amount) }

  private func change(by amount: Double) {
    var old = bits.load(ordering: .relaxed)
    while true {
      let new = (Double(bitPattern: old) + amount).bitPattern
      let (exchanged, original) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
      if exchanged { return }
      old = original
    }
  }
}

final class TextSummary: RecorderHandler, TimerHandler {
  private let total = Atomic<Int64>(0)
  private let records = Atomic<Int64>(0)
  /// What was recorded is so many times the unit that is shown.
  private let unit: Double

  init(unit: Double) {
    self.unit = unit
  }

  var sum: Double { Double(total.load(ordering: .relaxed)) / unit }
  var count: Int64 { records.load(ordering: .relaxed) }

  func record(_ value: Int64) {
    total.wrappingAdd(value, ordering: .relaxed)
    records.wrappingAdd(1, ordering: .relaxed)
  }

  func record(_ value: Double) { record(Int64(value.rounded())) }
  func recordNanoseconds(_ duration: Int64) { record(duration) }
}
