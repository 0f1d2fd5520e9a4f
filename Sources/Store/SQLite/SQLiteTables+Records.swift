internal import Provisioning

extension SQL {
  static let profile = "SELECT document FROM boot_profiles WHERE name = ?"
  /// All of them: there are at most `StoreLimits.profilesMax`.
  static let profiles = "SELECT document FROM boot_profiles"
  static let putProfile = """
    INSERT INTO boot_profiles (name, document) VALUES (?, ?) ON CONFLICT DO UPDATE SET document = excluded.document
    """
  static let deleteProfile = "DELETE FROM boot_profiles WHERE name = ?"
  static let appendEvent = "INSERT INTO events (time, node, document) VALUES (?, ?, ?) RETURNING id"
  static let events = "SELECT id, time, document FROM events WHERE id > ? ORDER BY id LIMIT ?"
  static let eventsNode = "SELECT id, time, document FROM events WHERE node = ? AND id > ? ORDER BY id LIMIT ?"
  static let oldestEvent = "SELECT id FROM events ORDER BY id LIMIT 1"
  static let newestEvent = "SELECT id FROM events ORDER BY id DESC LIMIT 1"
  static let oldestEvents = "SELECT id, time FROM events ORDER BY id LIMIT ?"
  static let deleteEvent = "DELETE FROM events WHERE id = ?"
  static let bootReports = "SELECT stage, time, succeeded, detail, agent FROM boot_reports WHERE node = ?"
  static let putBootReport = """
    INSERT INTO boot_reports (node, stage, time, succeeded, detail, agent) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET time = excluded.time, succeeded = excluded.succeeded, detail = excluded.detail,
      agent = excluded.agent WHERE excluded.time >= time
    """
  static let deleteBootReports = "DELETE FROM boot_reports WHERE node = ?"
  static let request = "SELECT time, fingerprint, outcome FROM requests WHERE key = ?"
  static let putRequest = "INSERT INTO requests (key, time, fingerprint, outcome) VALUES (?, ?, ?, ?)"
  static let oldRequests = "SELECT key FROM requests WHERE time < ? ORDER BY time LIMIT ?"
  static let deleteRequest = "DELETE FROM requests WHERE key = ?"

  static let recordStatements =
    [
      profile, putProfile, deleteProfile, appendEvent, events, eventsNode, deleteEvent, bootReports, putBootReport,
      deleteBootReports, request, putRequest, oldRequests, deleteRequest,
    ] + leaseStatements + formerLeaseStatements
}

extension SQLiteTables: RecordTables {
  func profile(_ name: ProfileName) throws -> BootProfile? {
    var query = try Query(self, SQL.profile)
    query.bind(name.text)
    return try query.step() ? ProfileDocument.decode(query.bytes(0)) : nil
  }

  func profiles() throws -> [BootProfile] {
    let query = try Query(self, SQL.profiles)
    var profiles: [BootProfile] = []
    while try query.step() { profiles.append(try ProfileDocument.decode(query.bytes(0))) }
    return profiles
  }

  func insertProfile(_ profile: BootProfile) throws { try updateProfile(profile) }

  func updateProfile(_ profile: BootProfile) throws {
    var query = try Query(self, SQL.putProfile)
    query.bind(profile.name.text)
    query.bind(ProfileDocument.encode(profile))
    try query.run()
  }

  func deleteProfile(_ name: ProfileName) throws {
    var query = try Query(self, SQL.deleteProfile)
    query.bind(name.text)
    try query.run()
  }

  func appendEvent(_ event: Event) throws -> UInt64 {
    var query = try Query(self, SQL.appendEvent)
    query.bind(event.time)
    query.bind(event.node?.text)
    query.bind(EventDocument.encode(event))
    guard try query.step() else { throw StoreError.inconsistent(reason: "an event got no number") }
    let id = UInt64(bitPattern: query.int(0))
    try query.run()
    return id
  }

  func events(
    _ filter: EventFilter, after id: UInt64, limit: Int, scan: Int
  ) throws -> (events: [Event], last: UInt64?) {
    var query = try Query(self, filter.node == nil ? SQL.events : SQL.eventsNode)
    if let node = filter.node { query.bind(node.text) }
    query.bind(Int64(clamping: id))
    query.bind(Int64(scan))
    var events: [Event] = []
    var last: UInt64?
    while events.count < limit, try query.step() {
      let number = UInt64(bitPattern: query.int(0))
      last = number
      let event = try EventDocument.decode(query.bytes(2), id: number, time: query.timestamp(1))
      if filter.passes(event) { events.append(event) }
    }
    return (events, last)
  }

  func eventRange() throws -> (UInt64, UInt64)? {
    let oldest = try Query(self, SQL.oldestEvent)
    let newest = try Query(self, SQL.newestEvent)
    guard try oldest.step(), try newest.step() else { return nil }
    return (UInt64(bitPattern: oldest.int(0)), UInt64(bitPattern: newest.int(0)))
  }

  func deleteEvents(through id: UInt64, orBefore time: Timestamp, limit: Int) throws -> Int {
    var old: [Int64] = []
    do {
      var query = try Query(self, SQL.oldestEvents)
      query.bind(Int64(limit))
      while try query.step(), query.int(0) <= Int64(clamping: id) || query.timestamp(1) < time {
        old.append(query.int(0))
      }
    }
    for id in old {
      var query = try Query(self, SQL.deleteEvent)
      query.bind(id)
      try query.run()
    }
    return old.count
  }

  func bootReports(of node: NodeID) throws -> [BootReport] {
    var query = try Query(self, SQL.bootReports)
    query.bind(node)
    var reports: [BootReport] = []
    while try query.step() {
      guard let stage = BootStage(rawValue: UInt8(truncatingIfNeeded: query.int(0))) else { continue }
      reports.append(
        BootReport(
          stage: stage, time: query.timestamp(1), succeeded: query.int(2) == 1,
          detail: PlainText(sanitizing: query.text(3)), agent: try query.optionalName(4)))
    }
    return reports
  }

  func putBootReport(_ report: BootReport, of node: NodeID) throws {
    var query = try Query(self, SQL.putBootReport)
    query.bind(node)
    query.bind(Int64(report.stage.rawValue))
    query.bind(report.time)
    query.bind(report.succeeded)
    query.bind(report.detail.text)
    query.bind(report.agent?.text)
    try query.run()
  }

  func deleteBootReports(of node: NodeID) throws {
    var query = try Query(self, SQL.deleteBootReports)
    query.bind(node)
    try query.run()
  }

  func request(_ key: [UInt8]) throws -> StoredRequest? {
    var query = try Query(self, SQL.request)
    query.bind(key)
    guard try query.step() else { return nil }
    return StoredRequest(key: key, time: query.timestamp(0), fingerprint: query.bytes(1), outcome: query.bytes(2))
  }

  func putRequest(_ request: StoredRequest) throws {
    if try self.request(request.key) != nil { try deleteRequest(request.key) }
    do {
      var query = try Query(self, SQL.putRequest)
      query.bind(request.key)
      query.bind(request.time)
      query.bind(request.fingerprint)
      query.bind(request.outcome)
      try query.run()
    }
    try changeCounter("requests", by: 1)
  }

  private func deleteRequest(_ key: [UInt8]) throws {
    do {
      var query = try Query(self, SQL.deleteRequest)
      query.bind(key)
      try query.run()
    }
    try changeCounter("requests", by: -1)
  }

  func requestCount() throws -> Int { Int(try counter("requests")) }

  func deleteRequests(before time: Timestamp, limit: Int) throws -> Int {
    var old: [[UInt8]] = []
    do {
      var query = try Query(self, SQL.oldRequests)
      query.bind(time)
      query.bind(Int64(limit))
      while try query.step() { old.append(query.bytes(0)) }
    }
    for key in old { try deleteRequest(key) }
    return old.count
  }
}
