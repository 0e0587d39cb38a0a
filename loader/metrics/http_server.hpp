// SPDX-License-Identifier: GPL-2.0-or-later
// A small HTTP server: GET and HEAD, bounded in threads, time and size of a request.
#pragma once

#include "core/base/result.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

struct mg_context;
struct mg_connection;

namespace l7 {

struct HttpRequest {
    std::string path;  ///< decoded, begins with '/'
    std::string query; ///< as it came, without '?'

    /// The decoded value of a query's variable; "" where it has none or it is too long.
    std::string variable(const char *name) const;
};

struct HttpAnswer {
    int status = 200;
    std::string type, body;
};

struct HttpCounters {
    std::atomic<std::uint64_t> answered{0};
    std::atomic<std::uint64_t> refused{0}; ///< Host header, method
};

class HttpServer {
  public:
    static constexpr unsigned kThreads = 6;    ///< connections served at once
    static constexpr unsigned kWaiting = 16;   ///< and that wait for a thread
    static constexpr unsigned kLimitMs = 2000; ///< for a request to come, and for an answer to go
    static constexpr unsigned kRequestBytes = 8192;
    static constexpr std::size_t kVariableBytes = 64;

    using Handler = std::function<HttpAnswer(const HttpRequest &)>;

    /// Listens at `address`, such as "127.0.0.1:9817"; `names` are what else the Host header may
    /// say. The handler is called from several threads; the counters outlive the server.
    static Result<std::unique_ptr<HttpServer>> listen(const std::string &address,
                                                      std::vector<std::string> names,
                                                      HttpCounters &counters, Handler handler);

    /// Ends within the limit of a request.
    ~HttpServer();
    HttpServer(const HttpServer &) = delete;
    HttpServer &operator=(const HttpServer &) = delete;

  private:
    HttpServer(std::string address, std::vector<std::string> names, HttpCounters &counters,
               Handler handler)
        : address_(std::move(address)), names_(std::move(names)), counters_(counters),
          handler_(std::move(handler)) {}
    static int begin(mg_connection *connection);
    HttpAnswer answer(mg_connection *connection);

    std::string address_;
    std::vector<std::string> names_;
    HttpCounters &counters_;
    Handler handler_;
    mg_context *context_ = nullptr;
};

} // namespace l7
