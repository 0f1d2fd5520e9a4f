internal import Provisioning
internal import RPC
internal import Testing
internal import Wire

/// Errors keep their reason, their fields and their way out between the region and a client.
@Suite struct ErrorWireTests {
  private func problem(_ index: Int) -> FieldProblem {
    FieldProblem(
      field: "interfaces[\(index)].address", value: "10.1.3.10", code: .addressInPool,
      message: "is inside the pool of hall1 (10.1.3.0-10.1.3.99)", fix: "choose another address or 'auto'")
  }

  @Test func oneWrongFieldReadsAsTheOperatorReadsIt() {
    let error = Refusal.invalid([problem(0)]).rpcError
    #expect(error.code == .invalidArgument)
    #expect(
      error.message == "interfaces[0].address: 10.1.3.10 is inside the pool of hall1 (10.1.3.0-10.1.3.99). "
        + "Choose another address or 'auto'.")
    #expect(error.reason == "ADDRESS_IN_POOL")
    #expect(error.fieldProblems == [MusterV1.FieldProblem(problem(0))])
    #expect(error.fieldProblems[0].fullSentence == error.message)
  }

  @Test func foreignClientsFindABadRequest() throws {
    let error = InvalidFields([problem(0), problem(1)]).rpcError
    let status = try GoogleRpc.Status(serializedBytes: error.details)
    #expect(status.code == 3)
    #expect(status.message == error.message)
    #expect(status.details.map(\.typeUrl).prefix(2) == [
      "type.googleapis.com/google.rpc.ErrorInfo", "type.googleapis.com/google.rpc.BadRequest",
    ])
    let badRequest = try #require(status.details[1].unpacked(GoogleRpc.BadRequest.self))
    #expect(badRequest.fieldViolations.map(\.field) == ["interfaces[0].address", "interfaces[1].address"])
    let info = try #require(status.details[0].unpacked(GoogleRpc.ErrorInfo.self))
    #expect(info.domain == "muster")
    #expect(info.reason == "INVALID_FIELDS")
  }

  @Test func aThousandProblemsStillFitIntoATrailer() {
    let error = InvalidFields((0..<1000).map(problem)).rpcError
    #expect(error.details.count <= ErrorDetails.bytesMax + 256)
    #expect(error.fieldProblems.count > 5)
    #expect(error.fieldProblemCount == 1000)
    #expect(error.message.hasSuffix("(and 999 more)"))
  }

  @Test func theBadRequestOfAForeignServerIsReadToo() {
    let badRequest = GoogleRpc.BadRequest(fieldViolations: [.init(field: "name", description: "is bad")])
    let status = GoogleRpc.Status(code: 3, details: [GoogleProtobuf.AnyMessage(packing: badRequest)])
    let error = RPCError(.invalidArgument, "x", details: status.serializedBytes())
    #expect(error.fieldProblems == [MusterV1.FieldProblem(field: "name", message: "is bad")])
    #expect(error.reason == nil)
  }

  @Test func detailsThatAreNoneAreIgnored() {
    #expect(RPCError(.unknown, "x").fieldProblems.isEmpty)
    #expect(RPCError(.unknown, "x", details: [0xff, 0xff]).reason == nil)
    #expect(RPCError(.unknown, "x", details: [0xff, 0xff]).fieldProblemCount == 0)
  }

  @Test(arguments: [
    (Refusal.unknownNode("x"), StatusCode.notFound, "NODE_UNKNOWN"),
    (.nodeExists("x"), .alreadyExists, "NAME_TAKEN"),
    (.subnetHasNodes("hall1", count: 500), .failedPrecondition, "SUBNET_HAS_NODES"),
    (.requestIDReused, .invalidArgument, "REQUEST_ID_REUSED"),
    (.notEnrolled("rack1"), .unauthenticated, "NOT_ENROLLED"),
    (.superseded, .aborted, "SUPERSEDED"),
    (.limitReached(what: "profiles", max: 9), .resourceExhausted, "LIMIT_REACHED"),
  ])
  func refusalsHaveTheirStatus(refusal: Refusal, code: StatusCode, reason: String) {
    let error = refusal.rpcError
    #expect(error.code == code)
    #expect(error.reason == reason)
    #expect(error.message == refusal.description)
  }

  @Test func aStaleRevisionTellsWhoAndWhen() throws {
    let refusal = Refusal.stale(
      what: "node r1n42", read: Revision(7), now: Revision(9), by: Actor("ops2"), at: Timestamp(nanoseconds: 42))
    let details = try #require(ErrorDetails(refusal.rpcError))
    #expect(refusal.rpcError.code == .aborted)
    #expect(details.metadata == [
      "resource": "node r1n42", "revision_read": "7", "revision_now": "9", "changed_by": "ops2",
      "change_time_ns": "42",
    ])
  }

  @Test func aBatchNamesItsWrites() {
    let both = BatchRefused([0: .invalid([problem(0)]), 3: .nodeExists("r1n42")])
    #expect(both.rpcError.fieldProblems.map(\.field) == ["writes[0].interfaces[0].address", "writes[3].name"])
    #expect(BatchRefused([0: .nodeExists("r1n42")]).rpcError.code == .alreadyExists)
    #expect(BatchRefused([2: .nodeExists("r1n42")]).rpcError.fieldProblems.map(\.field) == ["writes[2].name"])
    let unknown = BatchRefused([7: .unknownNode("r1n4")]).rpcError
    #expect(unknown.code == .notFound)
    #expect(unknown.message == Refusal.unknownNode("r1n4").rpcError.message)
    #expect(ErrorDetails(unknown)?.metadata["write"] == "7")
  }
}
