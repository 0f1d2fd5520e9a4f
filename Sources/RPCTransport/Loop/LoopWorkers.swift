internal import NIOCore
internal import RPC

/// The tasks that run the handlers of one event loop's connections, one handler after the other.
///
/// Making a task costs more than all of gRPC around a small call. So a task that ran a handler waits for the next one; it
/// ends when it was cancelled, since that cannot be undone. A handler sees no difference: it starts at once on the loop,
/// may suspend for as long as it likes, is cancelled alone, and finds no task-local value of another.
/// Everything here happens on the loop.
final class LoopWorkers: Sendable {
  let executor: LoopExecutor
  @exclusivity(unchecked) nonisolated(unsafe) private var idle: [Worker] = []
  @exclusivity(unchecked) nonisolated(unsafe) private var isEnded = false

  private final class Worker: Sendable {
    nonisolated(unsafe) var task: Task<Void, Never>?
    nonisolated(unsafe) var work: ServerWork?
    /// Whether the work's call knows the task.
    nonisolated(unsafe) var isKnown = false
    /// Wakes the task when it waits.
    nonisolated(unsafe) var parking: UnsafeContinuation<Void, Never>?

    init(_ work: ServerWork) { self.work = work }
  }

  init(executor: LoopExecutor) {
    self.executor = executor
  }

  /// Runs a handler until it suspends or is done.
  func start(_ work: ServerWork) {
    let worker: Worker
    if let waiting = idle.popLast() {
      worker = waiting
      worker.work = work
      wake(worker)
    } else {
      worker = Worker(work)
      worker.task = Task.immediate(executorPreference: executor) { await self.run(worker) }
    }
    if worker.work != nil, let task = worker.task {
      worker.isKnown = true
      work.suspended(in: task)
    }
  }

  /// Ends the tasks that wait, and others when their handlers are done.
  func end() {
    isEnded = true
    while let worker = idle.popLast() { wake(worker) }
  }

  private func wake(_ worker: Worker) {
    executor.runAtOnce {
      let parking = worker.parking
      worker.parking = nil
      parking?.resume()
    }
  }

  nonisolated(nonsending) private func run(_ worker: Worker) async {
    while let work = worker.work {
      await work.run()
      executor.loop.assertInEventLoop()
      if worker.isKnown {
        worker.isKnown = false
        work.ended()
      }
      worker.work = nil
      if Task.isCancelled || isEnded || idle.count >= LoopWorkers.idleMax { return }
      await withUnsafeContinuation { parking in
        worker.parking = parking
        idle.append(worker)
      }
    }
  }

  /// Tasks that wait for handlers. Each holds about 2 KB.
  private static let idleMax = 64
}
