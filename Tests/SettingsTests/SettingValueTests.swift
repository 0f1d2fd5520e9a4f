import Provisioning
import Settings
import Testing

/// The words of addresses, durations and sizes.
struct SettingValueTests {
  @Test(arguments: ["", "localhost", "host:", "host:70000", "a:b:1", "unix:relative", "[::1]", "host :1"])
  func whatIsNoEndpointIsRefused(text: String) {
    #expect(Endpoint(text) == nil)
  }

  @Test(arguments: [("10s", 10_000), ("7d", 604_800_000), ("250ms", 250), ("2h", 7_200_000), ("3m", 180_000)])
  func durationsHaveUnits(text: String, milliseconds: Int) {
    #expect(Duration(setting: text) == .milliseconds(milliseconds))
    #expect(Duration(setting: text)?.spoken == text)
  }

  @Test(arguments: ["10", "s", "-1s", "1.5s", "10 s", "99999999999999d", "1w"])
  func whatIsNoDurationIsRefused(text: String) {
    #expect(Duration(setting: text) == nil)
  }

  @Test(arguments: [("4MiB", 4 << 20), ("512KiB", 512 << 10), ("1GiB", 1 << 30), ("1000", 1000)])
  func sizesHaveUnits(text: String, sizeBytes: Int) {
    #expect(Settings.sizeBytes(setting: text) == sizeBytes)
    #expect(spoken(sizeBytes: sizeBytes) == text)
  }

  @Test(arguments: ["", "4MB", "-1", "1.5GiB", "MiB", "9999999999GiB", "4 MiB"])
  func whatIsNoSizeIsRefused(text: String) {
    #expect(Settings.sizeBytes(setting: text) == nil)
  }
}
