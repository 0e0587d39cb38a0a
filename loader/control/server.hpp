// SPDX-License-Identifier: GPL-2.0-or-later
// The control socket: one request and its answer per connection.
//
// A request (requests.hpp) is one line of JSON, {"command": ..., ...}. The answer is lines that
// begin with '=' and are for the user, and last a line that begins with '!': a JSON object with
// "code" (the exit code) and, unless that is 0, "message" and "hint". Bytes of files go along:
// behind a request that says
// {"body": N} there are N, and so many as its number says behind a line that begins with '+'.
#pragma once

#include "control/requests.hpp"
#include "core/base/fd.hpp"
#include "core/base/result.hpp"

#include <atomic>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace l7 {

/// What came along with a request, and where its answer goes, text a line at a time. Writing is
/// false once the client has gone.
class Answer {
  public:
    virtual ~Answer() = default;
    virtual bool json() const = 0; ///< lines of JSON are asked for
    virtual bool write(std::string_view line) = 0;
    virtual bool write_bytes(std::string_view bytes) = 0;
    virtual std::string_view body() const = 0;
};

using Handler = std::function<Result<void>(const nlohmann::json &request, Answer &answer)>;

struct ServerCounters {
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> refused{0};   ///< over the bound of connections, or not root
    std::atomic<std::uint64_t> malformed{0}; ///< no request at all, too long, no JSON
};

/// Listens; every connection is served by a thread of its own, kConnections at most at once.
class Server {
  public:
    static constexpr unsigned kConnections = 16;
    static constexpr std::size_t kRequestBytes = 65536;
    static constexpr std::size_t kBodyBytes = std::size_t{1} << 30;
    static constexpr int kRequestMs = 5000;

    /// Binds the socket. One that a running daemon answers at is an error; one left by a dead one
    /// is replaced.
    static Result<Server> listen(const std::string &path, Handler handler);
    Server(Server &&) noexcept;
    Server &operator=(Server &&) = delete;

    /// Waits for the connections at hand and removes the socket.
    ~Server();

    int fd() const { return socket_.get(); }

    /// Takes a waiting connection, if there is one.
    void accept();

    const ServerCounters &counters() const;

  private:
    struct Shared;
    Server(Fd socket, Fd lock, std::string path, Handler handler);
    static void serve(const std::shared_ptr<Shared> &shared, Fd connection);
    static void answer(Shared &shared, int connection, const std::string &text, std::string body);

    Fd socket_, lock_;
    std::string path_;
    std::shared_ptr<Shared> shared_;
};

/// How the daemon is asked.
struct AskOptions {
    bool json = false;
    bool any_namespace = false;      ///< else only a daemon of our network namespace answers
    std::string_view body = {};      ///< bytes of a file that go behind the request
    std::string *received = nullptr; ///< those of the answer are added to it
};

/// The client's side: sends the request, hands each line of the answer to `each`, and returns how
/// it ended.
Result<void> ask_daemon(const std::string &socket, const CommandText &text, const Fields &fields,
                        const std::function<void(std::string_view)> &each,
                        const AskOptions &options);

template <class Request>
Result<void> ask_daemon(const std::string &socket, Request request,
                        const std::function<void(std::string_view)> &each,
                        const AskOptions &options = {}) {
    return ask_daemon(socket, Request::kText, request.fields(), each, options);
}

/// True when a daemon answers at the socket.
bool daemon_answers(const std::string &socket);

} // namespace l7
