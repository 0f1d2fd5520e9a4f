/// Why a session cannot go on.
public enum HTTP2Error: Error, Hashable, Sendable {
  /// The peer did something too often. Say goodbye with `ENHANCE_YOUR_CALM` and close.
  case violation(Violation)
  /// The first octets were not the client preface.
  case badPreface
  /// What nghttp2 reports, with its text.
  case library(code: Int32, message: String)
}

/// What a peer may do only so often; named after the limit in `SessionLimits`.
public enum Violation: String, Error, Hashable, Sendable, CaseIterable {
  case resetsReceived = "resets_received"
  case resetsMade = "resets_made"
  case settings
  case pings
  case priorities
  case windowUpdates = "window_updates"
  case emptyData = "empty_data"
  case tinyData = "tiny_data"
  case unknownFrames = "unknown_frames"
  case strayHeaders = "stray_headers"
  case continuations
  case headerFields = "header_fields"
}
