import Provisioning
import Testing

@testable import Region

@Suite struct TextTests {
  @Test(arguments: [
    (0, "0s"), (59, "59s"), (60, "1m"), (3_599, "59m"), (3_600, "1h"), (86_399, "23h"), (86_400, "1d"),
    (864_000, "10d"), (-5, "0s"),
  ] as [(Int64, String)])
  func anAgeIsShownInItsLargestUnit(seconds: Int64, text: String) {
    #expect(Age(seconds: seconds).description == text)
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"),
    (1_795_320_542, "2026-11-22T04:09:02Z"), (4_102_444_799, "2099-12-31T23:59:59Z"),
    (-1, "1969-12-31T23:59:59Z"), (1_709_164_800, "2024-02-29T00:00:00Z"),
  ] as [(Int64, String)])
  func aTimeIsShownInUTC(seconds: Int64, text: String) {
    #expect(Timestamp(seconds: seconds).utcText == text)
  }

  @Test func anAgeNeverOverflows() {
    let first = Timestamp(nanoseconds: .min)
    #expect(Timestamp(nanoseconds: .max).age(since: first).seconds == 0)
  }
}
