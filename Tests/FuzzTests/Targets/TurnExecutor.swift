import Synchronization

/// Runs tasks on the thread of the target, in the order in which they became ready, when it is told to. So an input does
/// the same each time.
final class TurnExecutor: TaskExecutor {
  private let jobs = Mutex<[UnownedJob]>([])

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    jobs.withLock { $0.append(job) }
  }

  /// Runs what is ready, and what becomes ready by that.
  ///
  /// - Returns: Whether there was anything.
  func drain() -> Bool {
    var hasRun = false
    while true {
      let ready = jobs.withLock { jobs in
        defer { jobs.removeAll() }
        return jobs
      }
      if ready.isEmpty { return hasRun }
      hasRun = true
      for job in ready { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
  }
}
