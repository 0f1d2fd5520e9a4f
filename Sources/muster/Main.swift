internal import Foundation
internal import OperatorCLI

@main
enum Main {
  static func main() async {
    let status = await MusterCommand.main(arguments: Array(CommandLine.arguments.dropFirst()), in: .live)
    exit(status.rawValue)
  }
}
