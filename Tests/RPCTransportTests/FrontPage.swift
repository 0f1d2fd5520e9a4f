import Logging
import RPC
import RPCTransport

// The worked example of Sources/RPC/RPC.docc/RPC.md. `FrontPageTests` runs it and compares the page with it.

struct Greeter: HelloV1.Greeter {
  func greet(_ request: HelloV1.GreetRequest, context: ServerContext) async throws -> HelloV1.GreetReply {
    guard !request.name.isEmpty else { throw RPCError(.invalidArgument, "name is empty") }
    return HelloV1.GreetReply(text: "Hello, \(request.name)")
  }
}

func serve(on address: ListenAddress, logger: Logger) async throws {
  let tools = [HealthService()] + Reflection.services(files: HelloV1.fileDescriptors, serviceNames: ["hello.v1.Greeter"])
  let router = Router(services: [Greeter()] + tools)
  let server = Server(router: router, listeners: [Listener(address: address)], logger: logger)
  try await server.run()  // ends gracefully when its task is cancelled
}

func greet(_ name: String, at address: EndpointAddress) async throws -> String {
  let channel = ClientChannel(addresses: [address])
  let greeter = HelloV1.GreeterClient(channel: channel)
  let options = CallOptions(timeout: .seconds(20), waitForReady: true)
  let reply = try await greeter.greet(.init(name: name), options: options)
  await channel.close()
  return reply.text
}

func greetWithoutNetwork(_ name: String) async throws -> String {
  let channel = InMemoryChannel(router: Router(services: [Greeter()]))
  return try await HelloV1.GreeterClient(channel: channel).greet(.init(name: name)).text
}
