internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
  internal import Glibc
#endif

/// Encodes and decodes large messages for event loops, all of whose connections would wait meanwhile.
///
/// Its threads give way to the loops: where both want a processor, a loop has it.
final class LargeMessageThreads: TaskExecutor {
  static let shared = LargeMessageThreads()

  private let pool: NIOThreadPool
  private let settled = ThreadSpecificVariable<Settled>()

  private final class Settled: Sendable {}

  private init() {
    pool = NIOThreadPool(numberOfThreads: min(LargeMessageThreads.threadsMax, max(1, System.coreCount / 2)))
    pool.start()
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    pool.submit { _ in
      self.giveWay()
      job.runSynchronously(on: self.asUnownedTaskExecutor())
    }
  }

  /// Once a thread. Where the system refuses, the work is done all the same, only less considerately.
  private func giveWay() {
    guard settled.currentValue == nil else { return }
    settled.currentValue = Settled()
    #if canImport(Glibc)
      var parameters = sched_param()
      // On Linux both are about the calling thread.
      _ = sched_setscheduler(0, LargeMessageThreads.batchPolicy, &parameters)
      _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, LargeMessageThreads.niceness)
    #endif
  }

  private static let threadsMax = 4
  /// `SCHED_BATCH` of sched.h: computes long.
  private static let batchPolicy: Int32 = 3
  /// A third of the share of a thread that is not nice, sched(7).
  private static let niceness: Int32 = 5
}
