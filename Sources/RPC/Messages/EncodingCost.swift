/// What generated code adds up for `Message.encodingCost`.
package enum EncodingCost {
  /// Of a message in a list, beside its contents.
  package static let message = 256
  /// Of an element that is no message.
  package static let scalar = 8

  /// - Parameter contents: What an element contains; all are taken to be like the first.
  package static func of<Element>(_ list: [Element], _ element: Int, contents: (Element) -> Int = { _ in 0 }) -> Int {
    guard let first = list.first else { return 0 }
    return list.count * (element + contents(first))
  }
}
