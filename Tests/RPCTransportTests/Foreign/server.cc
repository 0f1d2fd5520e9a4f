// The conformance service by gRPC C++, for our client to call. scripts/lib_foreign builds it.
//
//   server [--streams-max N] [--age-ms N] [--ping-ms N] [--tls CERT KEY [CA]]
//
// Prints `listening PORT`; ends when its standard input does.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>

#include "conformance/conformance.grpc.pb.h"

using conformance::EchoReply;
using conformance::EchoRequest;
using conformance::StreamRequest;
using grpc::ServerContext;
using grpc::Status;

namespace {

// Handlers that saw their call end before they answered.
std::atomic<int> cancelled_handlers{0};

// The value of a request's metadata; empty for none.
std::string Metadata(const ServerContext& context, const std::string& name) {
  auto found = context.client_metadata().find(name);
  return found == context.client_metadata().end() ? "" : std::string(found->second.data(), found->second.size());
}

// Does what metadata asks of every kind of call.
void Apply(ServerContext* context) {
  if (auto text = Metadata(*context, "x-initial"); !text.empty()) context->AddInitialMetadata("x-initial", text);
  if (auto octets = Metadata(*context, "x-trailing-bin"); !octets.empty()) {
    context->AddTrailingMetadata("x-trailing-bin", octets);
  }
  if (!Metadata(*context, "x-gzip").empty()) context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
}

// Until the client gives up or its deadline passes.
Status Sleep(ServerContext* context) {
  while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  cancelled_handlers++;
  return Status::CANCELLED;
}

class Service final : public conformance::Test::Service {
  Status Unary(ServerContext* context, const EchoRequest* request, EchoReply* reply) override {
    Apply(context);
    const std::string& order = request->name();
    if (order.rfind("status:", 0) == 0) {
      auto colon = order.find(':', 7);
      auto code = static_cast<grpc::StatusCode>(std::atoi(order.c_str() + 7));
      return Status(code, order.substr(colon + 1), request->payload());
    }
    if (order == "sleep") return Sleep(context);
    if (order == "reset") {
      // RST_STREAM before any header.
      context->TryCancel();
      return Status::OK;
    }
    if (order == "deadline") {
      auto left = context->deadline() - std::chrono::system_clock::now();
      reply->set_id(std::chrono::duration_cast<std::chrono::milliseconds>(left).count());
      return Status::OK;
    }
    if (order == "cancelled") {
      reply->set_id(cancelled_handlers);
      return Status::OK;
    }
    if (order == "authority") {
      reply->set_name(std::string(context->ExperimentalGetAuthority().data(), context->ExperimentalGetAuthority().size()));
      return Status::OK;
    }
    if (order == "compressed") {
      // Whether the request was compressed on the wire.
      reply->set_name(Metadata(*context, "grpc-encoding"));
      return Status::OK;
    }
    reply->set_id(request->id());
    reply->set_name(order);
    if (order.rfind("size:", 0) == 0) {
      reply->set_payload(std::string(std::atoi(order.c_str() + 5), '\0'));
    } else {
      reply->set_payload(request->payload());
    }
    return Status::OK;
  }

  Status ClientStream(ServerContext* context, grpc::ServerReader<EchoRequest>* reader, EchoReply* reply) override {
    Apply(context);
    EchoRequest request;
    uint64_t count = 0, octets = 0;
    while (reader->Read(&request)) {
      count++;
      octets += request.payload().size();
      if (request.name() == "stop") return Status(grpc::StatusCode::ABORTED, "stopped");
    }
    if (context->IsCancelled()) cancelled_handlers++;
    reply->set_id(count);
    reply->set_name(std::to_string(octets));
    return Status::OK;
  }

  // Metadata `x-reset-after`: RST_STREAM after so many replies.
  Status ServerStream(ServerContext* context, const StreamRequest* request, grpc::ServerWriter<EchoReply>* writer) override {
    Apply(context);
    EchoReply reply;
    auto reset_after = Metadata(*context, "x-reset-after");
    uint64_t limit = request->sizes_size() > 0 ? request->sizes_size() : request->count() ? request->count() : UINT64_MAX;
    for (uint64_t id = 0; id < limit; id++) {
      if (!reset_after.empty() && id == std::stoull(reset_after)) {
        context->TryCancel();
        return Status::OK;
      }
      reply.set_id(id);
      reply.set_payload(request->sizes_size() > 0 ? std::string(request->sizes(id), '\0') : request->payload());
      if (!writer->Write(reply)) {
        cancelled_handlers++;
        return Status::CANCELLED;
      }
    }
    return Status::OK;
  }

  Status PingPong(ServerContext* context, grpc::ServerReaderWriter<EchoReply, EchoRequest>* stream) override {
    Apply(context);
    EchoRequest request;
    EchoReply reply;
    while (stream->Read(&request)) {
      if (request.name() == "sleep") return Sleep(context);
      reply.set_id(request.id());
      reply.set_payload(std::string(request.id(), '\7'));
      if (!stream->Write(reply)) break;
    }
    if (context->IsCancelled()) cancelled_handlers++;
    return Status::OK;
  }
};

std::string Content(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

int main(int argc, char** argv) {
  Service service;
  grpc::ServerBuilder builder;
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  for (int i = 1; i < argc; i++) {
    std::string option = argv[i];
    if (option == "--streams-max" && i + 1 < argc) {
      builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, std::atoi(argv[++i]));
    } else if (option == "--age-ms" && i + 1 < argc) {
      // GOAWAY that often; calls that run are let end.
      builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, std::atoi(argv[++i]));
    } else if (option == "--ping-ms" && i + 1 < argc) {
      builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, std::atoi(argv[++i]));
      builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
      builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    } else if (option == "--tls" && i + 2 < argc) {
      bool is_mutual = i + 3 < argc && argv[i + 3][0] != '-';
      grpc::SslServerCredentialsOptions tls(
          is_mutual ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
      tls.pem_key_cert_pairs.push_back({Content(argv[i + 2]), Content(argv[i + 1])});
      if (is_mutual) tls.pem_root_certs = Content(argv[i + 3]);
      credentials = grpc::SslServerCredentials(tls);
      i += is_mutual ? 3 : 2;
    } else {
      std::cerr << "unknown option " << option << std::endl;
      return 2;
    }
  }
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", credentials, &port);
  builder.RegisterService(&service);
  builder.SetMaxReceiveMessageSize(64 << 20);
  builder.SetMaxSendMessageSize(64 << 20);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  std::cout << "listening " << port << std::endl;
  char octets[64];
  while (read(0, octets, sizeof octets) > 0) {
  }
  _exit(0);
}
