/// Server reflection: lets any gRPC tool find out what a server offers. The two versions differ in their package's
/// name only, but Swift sees different types.
public enum Reflection {
  /// - Parameters:
  ///   - files: Of the server's services, with what they import; generated namespaces have `fileDescriptors`.
  ///   - serviceNames: Full names of the server's services. Health and reflection are added.
  public static func services(files: [FileDescriptor], serviceNames: [String]) -> [any Service] {
    let index = DescriptorIndex(
      files: files + GrpcHealthV1.fileDescriptors + GrpcReflectionV1.fileDescriptors
        + GrpcReflectionV1alpha.fileDescriptors,
      serviceNames: serviceNames + [
        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
      ])
    return [ReflectionV1(index: index), ReflectionV1alpha(index: index)]
  }
}

struct ReflectionV1: GrpcReflectionV1.ServerReflection {
  let index: DescriptorIndex

  func serverReflectionInfo(
    _ requests: RequestStream<GrpcReflectionV1.ServerReflectionRequest>,
    responses: ResponseWriter<GrpcReflectionV1.ServerReflectionResponse>, context: ServerContext
  ) async throws {
    for try await request in requests {
      var response = GrpcReflectionV1.ServerReflectionResponse()
      response.validHost = request.host
      response.originalRequest = request
      response.messageResponse =
        switch index.answer(question(request)) {
        case .files(let files): .fileDescriptorResponse(.init(fileDescriptorProto: files))
        case .services(let names): .listServicesResponse(.init(service: names.map { .init(name: $0) }))
        case .error(let code, let message):
          .errorResponse(.init(errorCode: Int32(code.rawValue), errorMessage: message))
        }
      try await responses.write(response)
    }
  }

  private func question(_ request: GrpcReflectionV1.ServerReflectionRequest) -> DescriptorIndex.Question {
    switch request.messageRequest {
    case .fileByFilename(let name): .file(name)
    case .fileContainingSymbol(let symbol): .symbol(symbol)
    case .fileContainingExtension(let request): .extensions(of: request.containingType)
    case .allExtensionNumbersOfType(let type): .extensions(of: type)
    case .listServices: .services
    case nil: .other
    }
  }
}

struct ReflectionV1alpha: GrpcReflectionV1alpha.ServerReflection {
  let index: DescriptorIndex

  func serverReflectionInfo(
    _ requests: RequestStream<GrpcReflectionV1alpha.ServerReflectionRequest>,
    responses: ResponseWriter<GrpcReflectionV1alpha.ServerReflectionResponse>, context: ServerContext
  ) async throws {
    for try await request in requests {
      var response = GrpcReflectionV1alpha.ServerReflectionResponse()
      response.validHost = request.host
      response.originalRequest = request
      response.messageResponse =
        switch index.answer(question(request)) {
        case .files(let files): .fileDescriptorResponse(.init(fileDescriptorProto: files))
        case .services(let names): .listServicesResponse(.init(service: names.map { .init(name: $0) }))
        case .error(let code, let message):
          .errorResponse(.init(errorCode: Int32(code.rawValue), errorMessage: message))
        }
      try await responses.write(response)
    }
  }

  private func question(_ request: GrpcReflectionV1alpha.ServerReflectionRequest) -> DescriptorIndex.Question {
    switch request.messageRequest {
    case .fileByFilename(let name): .file(name)
    case .fileContainingSymbol(let symbol): .symbol(symbol)
    case .fileContainingExtension(let request): .extensions(of: request.containingType)
    case .allExtensionNumbersOfType(let type): .extensions(of: type)
    case .listServices: .services
    case nil: .other
    }
  }
}
