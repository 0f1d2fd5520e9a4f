/// How many rows a page has.
package enum PageSize {
  package static let standard = 100
  package static let max = 1000

  /// 0 asks for the standard, more than the most is the most (AIP-158).
  package static func rows(_ requested: UInt32) -> Int {
    requested == 0 ? standard : Int(min(requested, UInt32(max)))
  }
}
