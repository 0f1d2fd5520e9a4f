import Foundation
import RPC
import RPCTransport
import Testing

/// What the module's front page tells a newcomer to write compiles and works.
@Suite(.timeLimit(.minutes(3))) struct FrontPageTests {
  @Test func theWorkedExampleGreets() async throws {
    let address = try EndpointAddress("unix:/tmp/rpc-hello-\(UInt32.random(in: 0 ... .max)).sock")
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await serve(on: address, logger: .quiet) }
      let greeting = try await greet("you", at: address)
      #expect(greeting == "Hello, you")
      let error = await #expect(throws: RPCError.self) { _ = try await greet("", at: address) }
      #expect(error?.code == .invalidArgument)
      group.cancelAll()
    }
    #expect(try await greetWithoutNetwork("you") == "Hello, you")
  }

  @Test func thePageShowsTheWorkedExample() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let example = try String(contentsOf: folder.appending(path: "FrontPage.swift"), encoding: .utf8)
    let page = try String(
      contentsOf: Python.root.appending(path: "Sources/RPC/RPC.docc/RPC.md"), encoding: .utf8)
    let blocks = page.components(separatedBy: "```swift\n").dropFirst().map { $0.components(separatedBy: "\n```")[0] }
    let shown = blocks.filter { !$0.hasPrefix("// Package.swift") }
    #expect(shown.count == 3)
    for block in shown { #expect(example.contains(block), "not in FrontPage.swift:\n\(block)") }
    let proto = try String(contentsOf: folder.appending(path: "Protos/hello/v1/hello.proto"), encoding: .utf8)
    let contract = try #require(page.components(separatedBy: "```proto\n").dropFirst().first?.components(separatedBy: "\n```").first)
    #expect(proto.contains(contract))
  }
}
