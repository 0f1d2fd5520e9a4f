internal import HTTP2
internal import NIOCore

/// What the connections of a server share that belong to one event loop. Only the loop's thread uses it.
final class ServerLoop: Sendable {
  let executor: LoopExecutor
  let workers: LoopWorkers
  /// For the sessions' streams.
  nonisolated(unsafe) let memory = SessionMemory()
  nonisolated(unsafe) let watches: LoopWatches<ServerHandler>
  nonisolated(unsafe) let turns: LoopTurns

  init(_ loop: any EventLoop) {
    executor = LoopExecutor(loop)
    workers = LoopWorkers(executor: executor)
    watches = LoopWatches(loop)
    turns = LoopTurns(loop)
  }
}
