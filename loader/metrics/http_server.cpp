// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics/http_server.hpp"

#include "metrics/host.hpp"

#include <array>
#include <civetweb.h>
#include <fmt/format.h>
#include <string_view>

namespace l7 {

namespace {

constexpr std::size_t kErrorBytes = 256;

// The page brings all it needs and asks nobody else; nobody may frame it or read it from elsewhere.
constexpr std::string_view kHeaders =
    "Connection: close\r\n"
    "Cache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'\r\n";

// What a client does wrong is counted here; civetweb need not print it.
int silent(const mg_connection *, const char *) {
    return 1;
}

} // namespace

std::string HttpRequest::variable(const char *name) const {
    std::array<char, HttpServer::kVariableBytes> value{};
    const int length = mg_get_var(query.data(), query.size(), name, value.data(), value.size());
    return length > 0 ? std::string(value.data(), static_cast<std::size_t>(length)) : std::string();
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(const std::string &address,
                                                       std::vector<std::string> names,
                                                       HttpCounters &counters, Handler handler) {
    if (address.starts_with('[') && !mg_check_feature(MG_FEATURES_IPV6))
        return Error{"serving metrics at " + address + ": libcivetweb was built without IPv6",
                     "set [metrics] listen to an IPv4 address"};
    std::unique_ptr<HttpServer> server(
        new HttpServer(address, std::move(names), counters, std::move(handler)));
    const std::string threads = std::to_string(kThreads), limit = std::to_string(kLimitMs),
                      bytes = std::to_string(kRequestBytes), waiting = std::to_string(kWaiting);
    // No document_root: civetweb serves no file, whatever is asked for.
    std::array<const char *, 15> options{"listening_ports",
                                         address.c_str(),
                                         "num_threads",
                                         threads.c_str(),
                                         "request_timeout_ms",
                                         limit.c_str(),
                                         "max_request_size",
                                         bytes.c_str(),
                                         "connection_queue",
                                         waiting.c_str(),
                                         "enable_keep_alive",
                                         "no",
                                         nullptr};
    mg_callbacks callbacks{};
    callbacks.begin_request = begin;
    callbacks.log_message = silent;
    std::array<char, kErrorBytes> text{};
    unsigned code = 0;
    mg_init_data init{&callbacks, server.get(), options.data()};
    mg_error_data error{&code, text.data(), text.size()};
    server->context_ = mg_start2(&init, &error);
    if (!server->context_)
        return Error{"serving metrics at " + address + ": " +
                         (text[0] ? text.data() : "the address is in use or not ours"),
                     "another daemon may have it; set [metrics] listen to another address or "
                     "\"off\""};
    return server;
}

HttpServer::~HttpServer() {
    if (context_)
        mg_stop(context_);
}

int HttpServer::begin(mg_connection *connection) {
    auto *self = static_cast<HttpServer *>(mg_get_user_data(mg_get_context(connection)));
    const mg_request_info *info = mg_get_request_info(connection);
    HttpAnswer answer;
    try {
        answer = self->answer(connection);
    } catch (const std::exception &error) {
        answer = {500, "text/plain", std::string(error.what()) + "\n"};
    }
    const std::string head = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}; charset=utf-8\r\nContent-Length: {}\r\n{}{}\r\n",
        answer.status, mg_get_response_code_text(connection, answer.status), answer.type,
        answer.body.size(), answer.status == 405 ? "Allow: GET, HEAD\r\n" : "", kHeaders);
    if (mg_write(connection, head.data(), head.size()) > 0 &&
        std::string_view(info->request_method) != "HEAD")
        mg_write(connection, answer.body.data(), answer.body.size());
    return answer.status;
}

HttpAnswer HttpServer::answer(mg_connection *connection) {
    const mg_request_info *info = mg_get_request_info(connection);
    const std::string_view method = info->request_method;
    const char *host = mg_get_header(connection, "Host");

    if (!host_allowed(host ? host : "", address_, names_)) {
        counters_.refused++;
        return {421, "text/plain",
                "This host is not served under that name; see hosts in [metrics].\n"};
    }
    if (method != "GET" && method != "HEAD") {
        counters_.refused++;
        return {405, "text/plain", "GET and HEAD only.\n"};
    }
    counters_.answered++;
    return handler_(
        {info->local_uri ? info->local_uri : "/", info->query_string ? info->query_string : ""});
}

} // namespace l7
