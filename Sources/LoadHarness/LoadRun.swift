package import RPC
internal import Wire

/// Runs a workload over channels and reports what its callers saw.
package struct LoadRun: Sendable {
  let workload: Workload
  /// Calls are spread over them in turn.
  let channels: [any Channel]
  let callMetadata: Metadata

  /// Calls under way at once; operations beyond it count as refused by the harness, and the report says so.
  package static let inFlightMax = 50_000
  /// One call is given up after this (seconds).
  static let callTimeout: Duration = .seconds(60)

  package init(workload: Workload, channels: [any Channel], token: String?) {
    self.workload = workload
    self.channels = channels
    var metadata = Metadata()
    if let token { metadata["authorization"] = "Bearer \(token)" }
    callMetadata = metadata
  }

  package func run() async throws -> LoadReport {
    let clock = ContinuousClock()
    let origin = clock.now
    let collector = LoadCollector()
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<workload.count {
        let intended = origin.advanced(by: workload.start(of: index))
        if intended > clock.now {
          do { try await clock.sleep(until: intended, tolerance: .zero) } catch { break }
        }
        guard collector.begin(limit: Self.inFlightMax) else { continue }
        group.addTask {
          let outcome = await self.perform(index)
          // From the intended start: waiting in the harness counts as the caller's waiting.
          collector.end(outcome, latency: clock.now - intended)
        }
      }
    }
    return collector.report(elapsed: clock.now - origin)
  }

  private func perform(_ index: Int) async -> StatusCode {
    let channel = channels[index % channels.count]
    let nodes = MusterV1.NodeServiceClient(channel: channel)
    var options = CallOptions()
    options.timeout = Self.callTimeout
    options.metadata = callMetadata
    do {
      switch workload.operation {
      case .add:
        var request = MusterV1.CreateNodeRequest()
        request.node = node(index)
        _ = try await nodes.createNode(request, options: options)
      case .tag:
        var request = MusterV1.UpdateNodeRequest()
        var node = MusterV1.Node()
        node.name = workload.name(of: index)
        node.tags = ["load-\(index % 7)"]
        request.node = node
        request.updateMask = GoogleProtobuf.FieldMask(paths: ["tags"])
        _ = try await nodes.updateNode(request, options: options)
      case .move:
        var request = MusterV1.UpdateNodeRequest()
        var moved = node(index)
        moved.interfaces[0].address = "dynamic"
        request.node = moved
        request.updateMask = GoogleProtobuf.FieldMask(paths: ["interfaces"])
        _ = try await nodes.updateNode(request, options: options)
      case .remove:
        var request = MusterV1.DeleteNodeRequest()
        request.name = workload.name(of: index)
        _ = try await nodes.deleteNode(request, options: options)
      case .get:
        var request = MusterV1.GetNodeRequest()
        request.name = workload.name(of: index)
        _ = try await nodes.getNode(request, options: options)
      }
      return .ok
    } catch let error as RPCError {
      return error.code
    } catch {
      return .cancelled
    }
  }

  private func node(_ index: Int) -> MusterV1.Node {
    var interface = MusterV1.NetworkInterface()
    interface.name = "eth0"
    interface.mac = workload.mac(of: index)
    interface.subnet = workload.subnet
    interface.address = "auto"
    interface.boot = true
    var node = MusterV1.Node()
    node.name = workload.name(of: index)
    node.interfaces = [interface]
    return node
  }
}
