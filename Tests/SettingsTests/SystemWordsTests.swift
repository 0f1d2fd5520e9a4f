import Foundation
import Testing

@testable import Settings

struct SystemWordsTests {
  @Test(arguments: [("/nowhere/at/all", "No such file or directory"), ("/tmp", "Is a directory"), ("/dev/null/x", "Not a directory")])
  func whatTheSystemSaysIsSaid(path: String, words: String) {
    let error = #expect(throws: (any Error).self) { try String(contentsOfFile: path, encoding: .utf8) }
    #expect(error.map(systemWords) == words)
  }

  @Test func aDirectoryThatCannotBeMadeSaysWhy() {
    let error = #expect(throws: (any Error).self) {
      try FileManager.default.createDirectory(atPath: "/dev/null/x", withIntermediateDirectories: true)
    }
    #expect(error.map(systemWords) == "Not a directory")
  }
}
