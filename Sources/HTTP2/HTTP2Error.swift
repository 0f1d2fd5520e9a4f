internal import CNghttp2

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
  case ignoredFrames = "ignored_frames"
  case goAways = "goaways"
  case continuations
  case headerFields = "header_fields"
  case oversizedHeaders = "oversized_headers"
  case windowDribbles = "window_dribbles"
}

extension HTTP2Error {
  /// What GOAWAY says of it.
  public var goAwayCode: ErrorCode {
    switch self {
    case .violation: return .enhanceYourCalm
    case .badPreface: return .protocolError
    case .library(let code, _):
      switch nghttp2_error(code) {
      case NGHTTP2_ERR_FLOODED: return .enhanceYourCalm
      case NGHTTP2_ERR_FLOW_CONTROL: return .flowControlError
      case NGHTTP2_ERR_FRAME_SIZE_ERROR: return .frameSizeError
      case NGHTTP2_ERR_HEADER_COMP: return .compressionError
      case NGHTTP2_ERR_NOMEM, NGHTTP2_ERR_CALLBACK_FAILURE: return .internalError
      default: return .protocolError
      }
    }
  }
}
