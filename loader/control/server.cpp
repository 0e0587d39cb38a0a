// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/server.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>

namespace l7 {

struct Server::Shared {
    Handler handler;
    ServerCounters counters;
    std::mutex mutex;
    std::condition_variable idle;
    unsigned connections = 0; // guarded by mutex
};

namespace {

Result<sockaddr_un> address_of(const std::string &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        return Error{"the socket's path is too long: " + path};
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

Result<Fd> connect_to(const std::string &path) {
    const auto address = address_of(path);
    if (!address)
        return address.error();
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd ||
        connect(fd.get(), reinterpret_cast<const sockaddr *>(&*address), sizeof(*address)) != 0)
        return Error{"connecting to " + path + ": " + std::strerror(errno),
                     "no daemon runs here; `l7ctl attach dev DEV` starts one",
                     errno == EACCES || errno == EPERM ? Blame::Environment : Blame::Failed};
    return fd;
}

bool send_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

class SocketAnswer : public Answer {
  public:
    explicit SocketAnswer(int fd) : fd_(fd) { buffer_.reserve(kFlush + 4096); }

    bool write(std::string_view text) override {
        do {
            const std::size_t end = std::min(text.find('\n'), text.size());
            buffer_ += '=';
            buffer_ += text.substr(0, end);
            buffer_ += '\n';
            text.remove_prefix(std::min(end + 1, text.size()));
        } while (!text.empty());
        return buffer_.size() < kFlush || flush();
    }

    bool write_bytes(std::string_view bytes) override {
        buffer_ += '+' + std::to_string(bytes.size()) + '\n';
        if (!flush())
            return false;
        gone_ = !send_all(fd_, bytes);
        return !gone_;
    }

    bool json() const override { return json_; }
    std::string_view body() const override { return body_; }
    void set_request(bool json, std::string body) {
        json_ = json;
        body_ = std::move(body);
    }

    bool finish(const nlohmann::json &status) {
        buffer_ +=
            '!' + status.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
        return flush();
    }

  private:
    static constexpr std::size_t kFlush = 32768;

    bool flush() {
        gone_ = gone_ || !send_all(fd_, buffer_);
        buffer_.clear();
        return !gone_;
    }

    int fd_;
    std::string buffer_, body_;
    bool json_ = false;
    bool gone_ = false;
};

/// The request's line without its newline; empty where none came in time or it was too long, none
/// where the other end left without a word, as who looks whether anybody is here does. `rest`
/// is what was read of what is behind it.
std::optional<std::string> read_request(int fd, std::string &rest) {
    std::string out;
    char chunk[4096];
    while (out.size() <= Server::kRequestBytes) {
        const ssize_t got = recv(fd, chunk, sizeof(chunk), 0); // SO_RCVTIMEO bounds it
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0 && out.empty())
            return std::nullopt;
        if (got <= 0)
            return "";
        out.append(chunk, static_cast<std::size_t>(got));
        if (const std::size_t end = out.find('\n'); end != std::string::npos) {
            rest = out.substr(end + 1);
            return out.substr(0, end);
        }
    }
    return "";
}

/// Reads on until there are `size` bytes.
bool fill(int fd, std::string &buffer, std::size_t size) {
    constexpr std::size_t kStep = 262144; // what is only promised takes no memory
    while (buffer.size() < size) {
        const std::size_t have = buffer.size(), step = std::min(kStep, size - have);
        buffer.resize(have + step);
        const ssize_t got = recv(fd, buffer.data() + have, step, 0);
        buffer.resize(have + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
    }
    return true;
}

/// Completes what comes along with a request; false: it does not, or is more than allowed.
bool read_body(int fd, const nlohmann::json &request, std::string &body) {
    const auto size = request.find("body");
    if (size == request.end())
        return true;
    return size->is_number_unsigned() && *size <= Server::kBodyBytes && body.size() <= *size &&
           fill(fd, body, *size);
}

nlohmann::json status_of(const Result<void> &result) {
    if (result)
        return {{"code", 0}};
    return {{"code", static_cast<int>(result.error().blame)},
            {"message", result.error().message},
            {"hint", result.error().hint}};
}

/// The same, on the other side.
Result<void> result_of(std::string_view status_line) {
    const auto status = nlohmann::json::parse(status_line, nullptr, false);
    if (!status.is_object())
        return Error{"the daemon's answer cannot be read"};
    if (status.value("code", 1) == 0)
        return {};
    return Error{status.value("message", "failed"), status.value("hint", ""),
                 static_cast<Blame>(status.value("code", 1))};
}

/// 0: unknown, which no daemon minds.
std::uint64_t our_namespace() {
    struct stat ours {};
    return stat("/proc/self/ns/net", &ours) == 0 ? ours.st_ino : 0;
}

} // namespace

Server::Server(Fd socket, Fd lock, std::string path, Handler handler)
    : socket_(std::move(socket)), lock_(std::move(lock)), path_(std::move(path)),
      shared_(std::make_shared<Shared>()) {
    shared_->handler = std::move(handler);
}

Server::Server(Server &&) noexcept = default;

Server::~Server() {
    if (!socket_)
        return;
    unlink(path_.c_str());
    std::unique_lock lock(shared_->mutex);
    shared_->idle.wait(lock, [this] { return shared_->connections == 0; });
}

Result<Server> Server::listen(const std::string &path, Handler handler) {
    const auto address = address_of(path);
    if (!address)
        return address.error();
    // The lock, not the socket, says whether a daemon lives: a killed one leaves its socket.
    const std::string lock_path = path + ".lock";
    Fd lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock)
        return Error{"opening " + lock_path + ": " + std::strerror(errno), "run as root",
                     Blame::Environment};
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return Error{"a daemon runs already at " + path, "`l7ctl status` asks it"};
    unlink(path.c_str());
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const mode_t mask = umask(0177);
    const bool bound =
        fd && bind(fd.get(), reinterpret_cast<const sockaddr *>(&*address), sizeof(*address)) == 0;
    umask(mask);
    if (!bound || ::listen(fd.get(), kConnections) != 0)
        return Error{"listening at " + path + ": " + std::strerror(errno), "run as root",
                     errno == EACCES ? Blame::Environment : Blame::Failed};
    return Server(std::move(fd), std::move(lock), path, std::move(handler));
}

void Server::accept() {
    Fd connection(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection)
        return;
    ucred peer{};
    socklen_t size = sizeof(peer);
    const bool known = getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    {
        const std::lock_guard lock(shared_->mutex);
        if (!known || (peer.uid != 0 && peer.uid != geteuid()) ||
            shared_->connections >= kConnections) {
            shared_->counters.refused++;
            return;
        }
        shared_->connections++;
    }
    timeval limit{kRequestMs / 1000, 0};
    setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    std::thread(serve, shared_, std::move(connection)).detach();
}

void Server::serve(const std::shared_ptr<Shared> &shared, Fd connection) {
    std::string body;
    if (const auto text = read_request(connection.get(), body))
        answer(*shared, connection.get(), *text, std::move(body));
    connection.reset();
    const std::lock_guard lock(shared->mutex);
    shared->connections--;
    shared->idle.notify_all();
}

void Server::answer(Shared &shared, int connection, const std::string &text, std::string body) {
    SocketAnswer answer(connection);
    const nlohmann::json request = nlohmann::json::parse(text, nullptr, false);

    shared.counters.requests++;
    if (!request.is_object() || !request.contains("command") || !request["command"].is_string()) {
        shared.counters.malformed++;
        answer.finish(
            status_of(Error{"the request is no JSON object with a command", {}, Blame::Usage}));
    } else if (!read_body(connection, request, body)) {
        shared.counters.malformed++;
        answer.finish(status_of(
            Error{"the bytes that come along with the request are not those", {}, Blame::Usage}));
    } else {
        try {
            answer.set_request(request.value("json", false), std::move(body));
            answer.finish(status_of(shared.handler(request, answer)));
        } catch (const std::exception &error) {
            // A field of another type than the command expects.
            shared.counters.malformed++;
            answer.finish(
                status_of(Error{std::string("bad request: ") + error.what(), {}, Blame::Usage}));
        }
    }
}

const ServerCounters &Server::counters() const {
    return shared_->counters;
}

Result<void> ask_daemon(const std::string &socket, const CommandText &text, const Fields &fields,
                        const std::function<void(std::string_view)> &each,
                        const AskOptions &options) {
    auto connection = connect_to(socket);
    if (!connection)
        return connection.error();
    const std::string request =
        encode(text, fields,
               {options.json, options.any_namespace ? 0 : our_namespace(), options.body.size()});
    if (!send_all(connection->get(), request + "\n") || !send_all(connection->get(), options.body))
        return Error{"writing to " + socket + ": " + std::strerror(errno)};

    std::string buffer;
    char chunk[32768];
    for (;;) {
        const ssize_t got = recv(connection->get(), chunk, sizeof(chunk), 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return Error{"the daemon went away while it answered"};
        buffer.append(chunk, static_cast<std::size_t>(got));
        std::size_t start = 0;
        for (std::size_t end; (end = buffer.find('\n', start)) != std::string::npos;
             start = end + 1) {
            const std::string_view line(buffer.data() + start, end - start);
            if (line.starts_with('=')) {
                each(line.substr(1));
                continue;
            }
            if (line.starts_with('+')) {
                const std::size_t size = std::strtoull(line.data() + 1, nullptr, 10);
                if (!options.received || size > Server::kBodyBytes)
                    return Error{"the daemon's answer cannot be read"};
                if (!fill(connection->get(), buffer, end + 1 + size))
                    return Error{"the daemon went away while it answered"};
                options.received->append(buffer, end + 1, size);
                end += size;
                continue;
            }
            return result_of(line.substr(line.empty() ? 0 : 1));
        }
        buffer.erase(0, start);
    }
}

bool daemon_answers(const std::string &socket) {
    return static_cast<bool>(connect_to(socket));
}

} // namespace l7
