internal import Provisioning
package import RPC
package import Wire

extension NodeServiceHandler {
  package func importNodes(
    _ requests: RequestStream<MusterV1.ImportNodesRequest>,
    responses: ResponseWriter<MusterV1.ImportNodesResponse>, context call: ServerContext
  ) async throws {
    try await answering {
      try await imports.withTurn {
        var run = NodeImport(context: context, actor: Actor(call.actor), responses: responses)
        try await run.run(requests)
      }
    }
  }
}
