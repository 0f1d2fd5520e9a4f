import Testing

@testable import Region

@Suite struct ImportBatchesTests {
  @Test func untiedRowsKeepTheirOrder() throws {
    var batches = ImportBatches(count: 25_000)
    let result = try batches.batches { _ in true }
    #expect(result.map(\.count) == [2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 1_000])
    #expect(result.flatMap { $0 } == Array(0..<25_000))
  }

  @Test func tiedRowsShareABatch() throws {
    var batches = ImportBatches(count: 20_001)
    batches.tie(0, 20_000)
    batches.tie(20_000, 10_500)
    let result = try batches.batches { _ in true }
    let batch = try #require(result.first { $0.contains(0) })
    #expect(batch.contains(20_000) && batch.contains(10_500))
    #expect(result.flatMap { $0 }.sorted() == Array(0..<20_001))
    #expect(result.allSatisfy { $0.count <= ImportBatches.rowsMax })
  }

  @Test func rowsThatAreLeftOutAreNotApplied() throws {
    var batches = ImportBatches(count: 10)
    batches.tie(2, 3)
    #expect(try batches.batches { $0 % 2 == 0 } == [[0, 2, 4, 6, 8]])
  }

  @Test func nothingMakesNoBatch() throws {
    var batches = ImportBatches(count: 3)
    #expect(try batches.batches { _ in false }.isEmpty)
  }

  @Test func aLargeGroupIsABatchOfItsOwn() throws {
    var batches = ImportBatches(count: 10_000)
    for row in 1..<9_000 { batches.tie(row, row + 1) }
    let result = try batches.batches { _ in true }
    #expect(result.contains(Array(1...9_000)))
  }

  @Test func aGroupThatDoesNotFitIsRefusedWithItsSize() {
    var batches = ImportBatches(count: 10_002)
    for row in 1...10_000 { batches.tie(row, row + 1) }
    #expect(throws: ImportGroupTooLarge(firstRow: 1, count: 10_001)) { try batches.batches { _ in true } }
  }
}
