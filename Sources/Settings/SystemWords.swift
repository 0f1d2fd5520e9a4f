internal import Foundation

/// Why a file could not be read or made, as the system says it: "Permission denied". Foundation's own sentence, which
/// names no cause, only when it kept none.
package func systemWords(of error: any Error) -> String {
  let cause = (error as? CocoaError)?.underlying
  guard let code = (error as? POSIXError ?? cause as? POSIXError)?.code else {
    return (error as NSError).localizedDescription
  }
  return String(cString: strerror(code.rawValue))
}
