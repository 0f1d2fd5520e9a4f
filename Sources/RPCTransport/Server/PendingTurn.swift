internal import NIOCore
internal import RPC

/// What a connection has put off until its turn of the loop comes.
struct PendingTurn {
  /// What was read and not dealt with; no more is asked for meanwhile.
  var unread: ByteBuffer?
  /// The socket is not read again before: it brought as much as it could, or not all of it is dealt with.
  var givesWay = false
  /// A read was asked for meanwhile.
  var wantsRead = false
  /// Why the server closes the connection.
  var closingReason: ClosingReason?
  /// The time has come that the connection wanted to be woken at.
  var isWatchDue = false
  /// The loop knows that there is something.
  var isInQueue = false

  /// - Returns: Whether the read that was put off is to be made now.
  mutating func takeRead() -> Bool {
    guard wantsRead, !givesWay else { return false }
    wantsRead = false
    return true
  }
}
