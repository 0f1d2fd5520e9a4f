internal import CLibFuzzer

#if canImport(Glibc)
  internal import Glibc
#endif

/// `fuzz TARGET [libFuzzer's options and folders]`.
@main struct Fuzz {
  /// libFuzzer calls back without a context.
  nonisolated(unsafe) private static var target = FuzzTarget.server

  static func main() {
    guard CommandLine.argc > 1, let target = FuzzTarget(rawValue: CommandLine.arguments[1]) else {
      print("usage: fuzz \(FuzzTarget.allCases.map(\.rawValue).joined(separator: "|")) [option …] [folder …]")
      exit(2)
    }
    self.target = target
    // Without the target's name; libFuzzer keeps the array.
    var count = CommandLine.argc - 1
    let arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: Int(count) + 1)
    arguments[0] = CommandLine.unsafeArgv[0]
    for index in 1..<Int(count) { arguments[index] = CommandLine.unsafeArgv[index + 1] }
    arguments[Int(count)] = nil
    var pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments
    exit(
      LLVMFuzzerRunDriver(&count, &pointer) { data, size in
        Fuzz.target.run(UnsafeRawBufferPointer(start: data, count: size))
        return 0
      })
  }
}
