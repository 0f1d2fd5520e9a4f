internal import CLibFuzzer

#if canImport(Glibc)
  internal import Glibc
#endif

/// `fuzz --target=TARGET [libFuzzer's options and folders]`.
///
/// libFuzzer leaves alone what begins with two dashes, and hands it on when it starts the program again, as it does to merge.
@main struct Fuzz {
  /// libFuzzer calls back without a context.
  nonisolated(unsafe) private static var target = FuzzTarget.server

  static func main() {
    let option = "--target="
    let name = CommandLine.arguments.dropFirst().first { $0.hasPrefix(option) }?.dropFirst(option.count)
    guard let target = name.flatMap({ FuzzTarget(rawValue: String($0)) }) else {
      print("usage: fuzz \(option)\(FuzzTarget.allCases.map(\.rawValue).joined(separator: "|")) [option …] [folder …]")
      exit(2)
    }
    self.target = target
    // libFuzzer keeps both.
    var count = CommandLine.argc
    var pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    exit(
      LLVMFuzzerRunDriver(&count, &pointer) { data, size in
        Fuzz.target.run(UnsafeRawBufferPointer(start: data, count: size))
        return 0
      })
  }
}
