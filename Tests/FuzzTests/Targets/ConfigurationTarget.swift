/// The configuration files of region and agent: any text is either settings or a list of problems.
enum ConfigurationTarget {
  static func run(_ input: UnsafeRawBufferPointer) {
    let text = String(decoding: input, as: UTF8.self)
    regionConfiguration(text)
    agentConfiguration(text)
  }
}
