internal import GRDB
internal import Provisioning

/// How far an order to boot once has come at this agent.
package struct BootOnceProgress: Sendable, Hashable {
  /// Of the order.
  package var token: UInt64
  /// A machine phoned home after it got the order's script; before that the script was handed out.
  package var isUsedUp: Bool

  package init(token: UInt64, isUsedUp: Bool) {
    self.token = token
    self.isUsedUp = isUsedUp
  }
}

/// Orders to boot once. One ends with the first phone-home after its script was handed out: a machine that phones home
/// for another reason, such as the system it runs already, has not carried it out.
extension Mirror {
  /// Notes that the script of an order was handed out. When this returns, it is durable.
  package func serve(_ use: BootOnceUse) throws(MirrorError) {
    guard content.orders[use.key]?.token != use.token else { return }
    try change { content, _, db in
      guard content.orders[use.key]?.token != use.token else { return }
      try Self.write(BootOnceProgress(token: use.token, isUsedUp: false), of: use.key, &content, db)
    }
  }

  /// Notes that a phone-home used up an order. False: its script was never handed out, or it was used up before.
  package func use(_ use: BootOnceUse) throws(MirrorError) -> Bool {
    let served = BootOnceProgress(token: use.token, isUsedUp: false)
    guard content.orders[use.key] == served else { return false }
    return try change { content, _, db in
      guard content.orders[use.key] == served else { return false }
      try Self.write(BootOnceProgress(token: use.token, isUsedUp: true), of: use.key, &content, db)
      return true
    }
  }

  /// The former owner may have handed out the scripts of orders that were there before this agent: a phone-home counts for
  /// them. An order that is lost can be given again; an installer that runs twice cannot be taken back.
  static func inheritOrders(in subnet: MirroredSubnet, _ content: inout MirrorContent, _ db: Database) throws {
    for binding in subnet.received.bindings {
      guard let token = binding.bootOnce?.token, content.orders[binding.key]?.token != token else { continue }
      try write(BootOnceProgress(token: token, isUsedUp: false), of: binding.key, &content, db)
    }
  }

  /// An order is remembered while the received or the applied row still gives it.
  static func forgetEndedOrders(_ content: inout MirrorContent, _ db: Database) throws {
    for (key, progress) in content.orders {
      let subnet = content.subnets[key.subnet]
      let isInForce =
        find(key.mac, in: subnet?.received.bindings)?.bootOnce?.token == progress.token
        || subnet?.applied?.subnet.binding(of: key.mac)?.bootOnce?.token == progress.token
      guard !isInForce else { continue }
      content.orders[key] = nil
      try db.execute(
        sql: "DELETE FROM boot_once_use WHERE dhcp_id = ? AND mac = ?",
        arguments: [key.subnet.number, Int64(bitPattern: key.mac.bits)])
    }
  }

  private static func write(
    _ progress: BootOnceProgress, of key: BindingKey, _ content: inout MirrorContent, _ db: Database
  ) throws {
    content.orders[key] = progress
    try db.execute(
      sql: "INSERT OR REPLACE INTO boot_once_use (dhcp_id, mac, token, is_used_up) VALUES (?, ?, ?, ?)",
      arguments: [
        key.subnet.number, Int64(bitPattern: key.mac.bits), Int64(bitPattern: progress.token), progress.isUsedUp,
      ])
  }
}
