// bench.Echo by gRPC C++'s callback API: `echo PORT [--tls CERT KEY]`. A peer of scripts/bench.
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include <grpcpp/grpcpp.h>

#include "bench.grpc.pb.h"

namespace {

// Writes the replies one after the other; each starts when the one before it is on its way.
class Writer final : public grpc::ServerWriteReactor<bench::EchoReply> {
 public:
  explicit Writer(const bench::StreamRequest& request) : count_(request.count()) {
    reply_.set_payload(request.payload());
    Next();
  }
  void OnWriteDone(bool ok) override {
    if (ok) {
      Next();
    } else {
      Finish(grpc::Status::CANCELLED);
    }
  }
  void OnDone() override { delete this; }

 private:
  void Next() {
    if (sent_ == count_) {
      Finish(grpc::Status::OK);
      return;
    }
    reply_.set_id(sent_++);
    StartWrite(&reply_);
  }

  const uint32_t count_;
  uint32_t sent_ = 0;
  bench::EchoReply reply_;
};

class Echo final : public bench::Echo::CallbackService {
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, const bench::EchoRequest* request,
                                  bench::EchoReply* reply) override {
    reply->set_id(request->id());
    reply->set_name(request->name());
    reply->set_payload(request->payload());
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerWriteReactor<bench::EchoReply>* ServerStream(grpc::CallbackServerContext*,
                                                           const bench::StreamRequest* request) override {
    return new Writer(*request);
  }
};

std::string Contents(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && !(count == 5 && std::string(arguments[2]) == "--tls")) {
    std::cerr << "usage: echo PORT [--tls CERT KEY]\n";
    return 2;
  }
  auto credentials = grpc::InsecureServerCredentials();
  if (count == 5) {
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back({Contents(arguments[4]), Contents(arguments[3])});
    credentials = grpc::SslServerCredentials(options);
  }
  Echo echo;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(std::string("127.0.0.1:") + arguments[1], credentials);
  builder.RegisterService(&echo);
  auto server = builder.BuildAndStart();
  if (!server) return 1;
  server->Wait();
}
