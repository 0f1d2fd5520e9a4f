import Testing

@testable import Provisioning

/// What somebody probably meant.
struct NearNameTests {
  @Test(arguments: [
    ("hal1", "hall1"), ("hlal1", "hall1"), ("HALL2", "hall2"), ("stro1", "stor1"), ("xyz", nil), ("", nil),
  ] as [(String, String?)])
  func aSlipOfTheFingerFindsTheName(written: String, meant: String?) {
    #expect(NearName.suggestion(for: written, among: ["hall1", "hall2", "stor1"]) == meant)
  }

  @Test func swappedNeighboursAreOneEdit() {
    #expect(NearName.editDistance(Array("rcak1".utf8), Array("rack1".utf8)) == 1)
    #expect(NearName.editDistance(Array("".utf8), Array("abc".utf8)) == 3)
  }
}
