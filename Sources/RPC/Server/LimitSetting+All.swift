internal import HTTP2

extension LimitSetting {
  /// The limit of that name.
  public static func named(_ name: String) -> LimitSetting? { all.first { $0.name == name } }

  /// Every limit an operator can set, the common ones first. Defaults are those of `ServerLimits`.
  public static let all: [LimitSetting] = server + messages + session + rates

  private static let server = [
    LimitSetting(
      name: "message_max", summary: "largest message accepted",
      target: .size(\.connection.messageBytesMax, (64 << 10)...(64 << 20))),
    LimitSetting(
      name: "connections_max", summary: "connections at a time", target: .count(\.connectionsMax, 1...1_000_000)),
    LimitSetting(
      name: "held_max", summary: "requests and responses that all connections hold",
      target: .size(\.heldBytesMax, (16 << 20)...(1 << 40))),
    LimitSetting(
      name: "connection_held_max", summary: "requests and responses that one connection holds",
      target: .size(\.connection.heldBytesMax, (1 << 20)...(1 << 36))),
    LimitSetting(
      name: "backlog_max", summary: "connections that wait to be accepted", target: .count(\.backlogMax, 1...65_535)),
    LimitSetting(
      name: "establishing", summary: "time from a connection's begin to HTTP/2, TLS included",
      target: .duration(\.establishingTimeout, .milliseconds(100) ... .seconds(600))),
    LimitSetting(
      name: "idle", summary: "time without a call after which a connection is closed",
      target: .patience(\.idleTimeout, .seconds(1) ... .seconds(86_400 * 30))),
    LimitSetting(
      name: "keepalive_interval", summary: "silence before a client is asked whether it lives",
      target: .patience(\.keepaliveInterval, .seconds(1) ... .seconds(86_400))),
    LimitSetting(
      name: "keepalive_timeout", summary: "time for its answer",
      target: .duration(\.keepaliveTimeout, .milliseconds(100) ... .seconds(3_600))),
    LimitSetting(
      name: "stall", summary: "time in which a client must take some of the responses that wait for it",
      target: .patience(\.stallTimeout, .seconds(1) ... .seconds(86_400))),
  ]

  private static let messages = [
    LimitSetting(
      name: "message_depth_max", summary: "nested levels of a message",
      target: .count(\.connection.message.depthMax, 1...256)),
    LimitSetting(
      name: "message_fields_max", summary: "fields of a message, with its nested ones",
      target: .count(\.connection.message.fieldsMax, 1...(1 << 28))),
    LimitSetting(
      name: "message_memory_max", summary: "memory for decoding a message",
      target: .size(\.connection.message.arenaBytesMax, (64 << 10)...(1 << 34))),
    LimitSetting(
      name: "decompression_ratio_max", summary: "octets out for one octet of gzip in",
      target: .count(\.connection.message.decompressionRatioMax, 1...1_100)),
  ]

  private static let session = [
    LimitSetting(
      name: "streams_max", summary: "calls at a time on one connection",
      target: .count(\.connection.limits.concurrentStreamsMax, 1...65_536)),
    LimitSetting(
      name: "stream_window", summary: "octets of one call under way to handlers that do not read",
      target: .size(\.connection.settings.streamWindowBytes, 65_535...(1 << 30))),
    LimitSetting(
      name: "connection_window", summary: "the same for all calls of a connection",
      target: .size(\.connection.settings.connectionWindowBytes, 65_535...(1 << 30))),
    LimitSetting(
      name: "header_list_max", summary: "header list of a call, with 32 octets a field",
      target: .size(\.connection.limits.headerListBytesMax, 1024...(1 << 20))),
    LimitSetting(
      name: "header_fields_max", summary: "fields of a header block before the connection ends",
      target: .count(\.connection.limits.headerFieldsMax, 16...(1 << 20))),
    LimitSetting(
      name: "continuations_max", summary: "CONTINUATION frames of a header block",
      target: .count(\.connection.limits.continuationsMax, 0...8)),
    LimitSetting(
      name: "hpack_table_max", summary: "header compression tables, each",
      target: .size(\.connection.limits.hpackTableBytesMax, 0...(64 << 10))),
    LimitSetting(
      name: "settings_entries_max", summary: "entries of a SETTINGS frame",
      target: .count(\.connection.limits.settingsEntriesMax, 6...2_730)),
    LimitSetting(
      name: "acknowledgements_max", summary: "acknowledgements that wait to be sent",
      target: .count(\.connection.limits.acknowledgementsQueuedMax, 1...100_000)),
  ]

  private static let rates = [
    LimitSetting(
      name: "resets_received", summary: "RST_STREAM from a client",
      target: .rate(\.connection.limits.resetsReceived)),
    LimitSetting(
      name: "resets_made", summary: "RST_STREAM that a client's mistakes make the server send",
      target: .rate(\.connection.limits.resetsMade)),
    LimitSetting(name: "settings", summary: "SETTINGS frames", target: .rate(\.connection.limits.settings)),
    LimitSetting(
      name: "pings", summary: "PING frames and their acknowledgements", target: .rate(\.connection.limits.pings)),
    LimitSetting(name: "priorities", summary: "PRIORITY frames", target: .rate(\.connection.limits.priorities)),
    LimitSetting(
      name: "window_updates", summary: "WINDOW_UPDATE frames that no data earned",
      target: .rate(\.connection.limits.windowUpdates)),
    LimitSetting(
      name: "window_dribbles", summary: "windows so small that data goes in crumbs",
      target: .rate(\.connection.limits.windowDribbles)),
    LimitSetting(name: "empty_data", summary: "DATA without octets", target: .rate(\.connection.limits.emptyData)),
    LimitSetting(
      name: "tiny_data", summary: "DATA of less than 5 octets, or padded", target: .rate(\.connection.limits.tinyData)),
    LimitSetting(
      name: "unknown_frames", summary: "frames of unknown types", target: .rate(\.connection.limits.unknownFrames)),
    LimitSetting(
      name: "stray_headers", summary: "HEADERS for calls that are gone", target: .rate(\.connection.limits.strayHeaders)),
    LimitSetting(
      name: "ignored_frames", summary: "DATA for calls that are gone, and other frames that are skipped",
      target: .rate(\.connection.limits.ignoredFrames)),
    LimitSetting(name: "goaways", summary: "GOAWAY frames", target: .rate(\.connection.limits.goAways)),
    LimitSetting(
      name: "oversized_headers", summary: "header lists beyond header_list_max",
      target: .rate(\.connection.limits.oversizedHeaders)),
  ]
}
