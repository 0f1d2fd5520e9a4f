package import RPC
internal import Wire

/// Runs a workload over channels and reports what its callers saw.
package struct LoadRun<Time: Clock>: Sendable where Time.Duration == Duration {
  let workload: Workload
  /// Calls are spread over them in turn.
  let channels: [any Channel]
  let callMetadata: Metadata

  let clock: Time

  package init(workload: Workload, channels: [any Channel], token: String?, clock: Time = ContinuousClock()) {
    self.clock = clock
    self.workload = workload
    self.channels = channels
    var metadata = Metadata()
    if let token { metadata["authorization"] = "Bearer \(token)" }
    callMetadata = metadata
  }

  package func run() async throws -> LoadReport {
    let origin = clock.now
    var arrivals = workload.arrivals
    let collector = LoadCollector()
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<workload.count {
        guard let start = arrivals.next() else { break }
        let intended = origin.advanced(by: start)
        if intended > clock.now {
          do { try await clock.sleep(until: intended, tolerance: .zero) } catch { break }
        }
        guard collector.begin(limit: LoadLimits.inFlightMax) else { continue }
        group.addTask {
          let outcome = await self.perform(index)
          // From the intended start: waiting in the harness counts as the caller's waiting.
          collector.end(outcome, latency: intended.duration(to: clock.now))
        }
      }
    }
    return collector.report(elapsed: origin.duration(to: clock.now))
  }

  private func perform(_ index: Int) async -> StatusCode {
    let nodes = MusterV1.NodeServiceClient(channel: channels[index % channels.count])
    let options = CallOptions(timeout: LoadLimits.callTimeout, metadata: callMetadata)
    do {
      switch workload.request(index) {
      case .create(let request): _ = try await nodes.createNode(request, options: options)
      case .update(let request): _ = try await nodes.updateNode(request, options: options)
      case .delete(let request): _ = try await nodes.deleteNode(request, options: options)
      case .get(let request): _ = try await nodes.getNode(request, options: options)
      }
      return .ok
    } catch let error as RPCError {
      return error.code
    } catch {
      return .cancelled
    }
  }
}

/// What a load run keeps to.
package enum LoadLimits {
  /// Calls under way at once; operations beyond it are not started, and the report says so.
  package static let inFlightMax = 50_000
  /// One call is given up after this.
  package static let callTimeout: Duration = .seconds(60)
  /// Connections the calls are spread over.
  package static let connections = 1...256
}
