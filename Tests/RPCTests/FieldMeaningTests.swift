import HTTP2
import Testing

@testable import RPC

/// What a field says when it comes again is what it said when it was read.
@Suite struct FieldMeaningTests {
  private static let router = Router(handlers: [
    .immediate(Bench.EchoMethods.unary) { (request: Bench.EchoRequest, _) in Bench.EchoReply(id: request.id) }
  ])

  private static func read(_ head: inout RequestHead, _ name: String, _ value: String) -> FieldMeaning? {
    Array(name.utf8).withUnsafeBytes { name in
      Array(value.utf8).withUnsafeBytes { value in head.add(name: name, value: value, router: router) }
    }
  }

  @Test(arguments: [
    (":method", "POST"), (":path", "/bench.Echo/Unary"), (":scheme", "http"), (":authority", "x"), ("te", "trailers"),
    ("content-type", "application/grpc+proto"), ("content-length", "5"), ("grpc-encoding", "gzip"), ("grpc-encoding", "identity"),
    ("grpc-accept-encoding", "identity, gzip"), ("grpc-accept-encoding", "br"),
  ])
  func aMarkSaysWhatTheFieldSaid(name: String, value: String) throws {
    var (read, marked) = (RequestHead(), RequestHead())
    // So that each has something to change.
    (read.acceptsGzip, marked.acceptsGzip) = (value == "br", value == "br")
    (read.encoding, marked.encoding) = (.unknown("x"), .unknown("x"))
    let mark = try #require(Self.read(&read, name, value)).mark
    marked.add(FieldMeaning(mark))
    #expect(marked.route?.toOpaque() == read.route?.toOpaque())
    #expect((marked.route == nil) == (name != ":path"))
    #expect(marked.isPost == read.isPost && read.isPost == (name == ":method"))
    #expect(marked.isGRPC == read.isGRPC && read.isGRPC == (name == "content-type"))
    #expect(marked.encoding == read.encoding)
    #expect(name != "grpc-encoding" || read.encoding == .known(value == "gzip" ? .gzip : .identity))
    #expect(marked.acceptsGzip == read.acceptsGzip && read.acceptsGzip == (value == "identity, gzip"))
  }

  @Test(arguments: [
    (":method", "GET"), (":path", "/no.Such/Method"), ("content-type", "text/html"), ("grpc-encoding", "br"),
    ("grpc-timeout", "1S"), ("user-agent", "x"), ("x-bin", "AAA"),
  ])
  func whatARequestNeedsWholeHasNoMark(name: String, value: String) {
    var head = RequestHead()
    #expect(Self.read(&head, name, value) == nil)
  }

  @Test func theLastContentTypeCounts() {
    var head = RequestHead()
    _ = Self.read(&head, "content-type", "application/grpc")
    _ = Self.read(&head, "content-type", "text/html")
    #expect(!head.isGRPC)
    head.add(.grpc)
    #expect(head.isGRPC)
  }
}
