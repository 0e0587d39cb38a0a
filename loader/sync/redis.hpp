// SPDX-License-Identifier: GPL-2.0-or-later
// A Redis: commands in pipelines, and their replies. hiredis reads those; it has no TLS before 1.0.
#pragma once

#include "sync/channel.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct redisReply;
struct redisReader;

namespace l7 {

/// A reply, or a part of one, which lives as long as the whole.
class ReplyView {
  public:
    explicit ReplyView(const redisReply *reply) : reply_(reply) {}

    std::string_view text() const; ///< "" where it is none
    std::int64_t integer() const;  ///< 0 where it is none
    std::size_t size() const;      ///< of an array; else 0
    ReplyView operator[](std::size_t at) const;

  private:
    const redisReply *reply_;
};

class Reply {
  public:
    explicit Reply(redisReply *reply);

    /// What Redis has against the command; "": nothing.
    std::string_view refusal() const;
    ReplyView view() const { return ReplyView(reply_.get()); }

  private:
    struct Free {
        void operator()(redisReply *reply) const;
    };
    std::unique_ptr<redisReply, Free> reply_;
};

struct RedisLogin {
    RedisAddress address;
    std::string user;
    std::string password_file; ///< read at each connection
    TlsFiles tls;
};

/// To our own Redis, or a peer's.
RedisLogin login_of(const SyncConfig &config);
RedisLogin login_of(const SyncConfig &config, const SyncPeer &peer);

class Redis {
  public:
    /// Connects and logs in.
    static Result<Redis> connect(const RedisLogin &login, const Stop &stop,
                                 std::chrono::milliseconds limit);

    /// Adds a command to the pipeline.
    void add(std::initializer_list<std::string_view> words);
    /// The same in parts: how many words there will be, then each.
    void begin(std::size_t words);
    void word(std::string_view text);
    std::size_t waiting_bytes() const { return out_.size(); }

    /// Sends the pipeline and takes a reply for each command of it. A command that Redis refuses is
    /// an error, after which the connection is of no use.
    Result<std::vector<Reply>> run(std::chrono::milliseconds limit);

    /// One command.
    Result<Reply> ask(std::initializer_list<std::string_view> words,
                      std::chrono::milliseconds limit);

    /// Redis' run_id, which a restarted one changes.
    Result<std::string> run_id(std::chrono::milliseconds limit);

  private:
    struct Free {
        void operator()(redisReader *reader) const;
    };

    explicit Redis(Channel channel);
    Result<Reply> take(Deadline until);

    Channel channel_;
    std::unique_ptr<redisReader, Free> reader_;
    std::vector<char> in_;
    std::string out_;
    std::size_t commands_ = 0;
};

/// Keys of a node.
struct NodeKeys {
    explicit NodeKeys(const std::string &node)
        : states("l7ctl:{" + node + "}:flows"), anew(states + ".new"),
          log("l7ctl:{" + node + "}:log"), alive("l7ctl:{" + node + "}:alive") {}

    std::string states; ///< hash: all that the node has
    std::string anew;   ///< the same while it is written anew
    std::string log;    ///< stream of changes
    std::string alive;  ///< there while the node is
};

/// A field of the hash: the epoch of who wrote it. No key of a state begins like this.
inline constexpr std::string_view kEpochField = "!epoch";

} // namespace l7
