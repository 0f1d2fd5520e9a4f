package import RPC
package import Store

/// What callers learn when the store cannot do its work. What concerns the host alone is logged where it happens and
/// answered without paths.
extension StoreError: RPCErrorConvertible {
  package var rpcError: RPCError {
    switch self {
    case .busy, .closed: RPCError(.unavailable, "\(self)")
    case .locked: RPCError(.unavailable, "the region's database is locked by another program; try again.")
    case .diskFull: RPCError(.resourceExhausted, "the region's disk is full; nothing of the request was kept.")
    case .failed, .notWritable: RPCError(.unavailable, "the region's disk failed; the region takes no writes.")
    case .inUse, .newerSchema, .corrupt, .inconsistent, .unreadable, .exists: RPCError(.internalError, "internal error")
    }
  }
}
