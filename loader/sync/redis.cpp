// SPDX-License-Identifier: GPL-2.0-or-later
#include "sync/redis.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <hiredis/hiredis.h>
#include <iterator>

namespace l7 {

namespace {

constexpr std::size_t kReadAtOnce = 256 << 10;
constexpr std::size_t kReplyMax = 256 << 20; // bytes of a reply; none of those we ask for is larger

Result<std::string> read_password(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    if (!in)
        return Error{"reading " + path + ": " + std::strerror(errno)};
    std::string out;
    std::getline(in, out);
    if (out.ends_with('\r'))
        out.pop_back();
    if (out.empty())
        return Error{path + " holds no password in its first line"};
    return out;
}

bool is_text(const redisReply *reply) {
    return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
}

} // namespace

std::string_view ReplyView::text() const {
    return reply_ && is_text(reply_) ? std::string_view(reply_->str, reply_->len)
                                     : std::string_view();
}

std::int64_t ReplyView::integer() const {
    return reply_ && reply_->type == REDIS_REPLY_INTEGER ? reply_->integer : 0;
}

std::size_t ReplyView::size() const {
    return reply_ && reply_->type == REDIS_REPLY_ARRAY ? reply_->elements : 0;
}

ReplyView ReplyView::operator[](std::size_t at) const {
    return ReplyView(at < size() ? reply_->element[at] : nullptr);
}

Reply::Reply(redisReply *reply) : reply_(reply) {}

std::string_view Reply::refusal() const {
    return reply_ && reply_->type == REDIS_REPLY_ERROR ? std::string_view(reply_->str, reply_->len)
                                                       : std::string_view();
}

void Reply::Free::operator()(redisReply *reply) const {
    freeReplyObject(reply);
}

void Redis::Free::operator()(redisReader *reader) const {
    redisReaderFree(reader);
}

RedisLogin login_of(const SyncConfig &config) {
    return {config.redis,
            config.user,
            config.password_file,
            {config.tls, config.ca, config.cert, config.key}};
}

RedisLogin login_of(const SyncConfig &config, const SyncPeer &peer) {
    RedisLogin out = login_of(config);
    out.address = peer.redis;
    if (!peer.password_file.empty()) {
        out.user = peer.user;
        out.password_file = peer.password_file;
    }
    return out;
}

Redis::Redis(Channel channel)
    : channel_(std::move(channel)), reader_(redisReaderCreate()), in_(kReadAtOnce) {}

Result<Redis> Redis::connect(const RedisLogin &login, const Stop &stop,
                             std::chrono::milliseconds limit) {
    const std::string where = "Redis at " + to_text(login.address);
    auto channel =
        Channel::connect(login.address, login.tls, stop, std::chrono::steady_clock::now() + limit);
    if (!channel)
        return std::move(channel.error()).within(where);
    Redis out(std::move(*channel));
    if (login.password_file.empty())
        return out;
    const auto password = read_password(login.password_file);
    if (!password)
        return password.error();
    const auto reply = login.user.empty() ? out.ask({"AUTH", *password}, limit)
                                          : out.ask({"AUTH", login.user, *password}, limit);
    if (!reply)
        return Error(reply.error()).within(where);
    return out;
}

void Redis::begin(std::size_t words) {
    commands_++;
    out_ += '*';
    out_ += std::to_string(words);
    out_ += "\r\n";
}

void Redis::word(std::string_view text) {
    out_ += '$';
    out_ += std::to_string(text.size());
    out_ += "\r\n";
    out_ += text;
    out_ += "\r\n";
}

void Redis::add(std::initializer_list<std::string_view> words) {
    begin(words.size());
    for (const std::string_view text : words)
        word(text);
}

Result<Reply> Redis::take(Deadline until) {
    for (std::size_t size = 0; size <= kReplyMax;) {
        void *reply = nullptr;
        if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK)
            return Error{std::string("this is no Redis: ") + reader_->errstr};
        if (reply)
            return Reply(static_cast<redisReply *>(reply));
        const auto got = channel_.read(in_.data(), in_.size(), until);
        if (!got)
            return got.error();
        if (redisReaderFeed(reader_.get(), in_.data(), *got) != REDIS_OK)
            return Error{std::string("this is no Redis: ") + reader_->errstr};
        size += *got;
    }
    return Error{"Redis: a reply that is too large"};
}

Result<std::vector<Reply>> Redis::run(std::chrono::milliseconds limit) {
    const Deadline until = std::chrono::steady_clock::now() + limit;
    const std::size_t commands = std::exchange(commands_, 0);
    auto sent = channel_.write(out_, until);
    out_.clear();
    if (!sent)
        return sent.error();
    std::vector<Reply> out;
    out.reserve(commands);
    for (std::size_t i = 0; i < commands; i++) {
        auto reply = take(until);
        if (!reply)
            return reply.error();
        if (const std::string_view refusal = reply->refusal(); !refusal.empty())
            return Error{"Redis: " + std::string(refusal)};
        out.push_back(std::move(*reply));
    }
    return out;
}

Result<Reply> Redis::ask(std::initializer_list<std::string_view> words,
                         std::chrono::milliseconds limit) {
    add(words);
    auto replies = run(limit);
    if (!replies)
        return replies.error();
    return std::move(replies->back());
}

Result<std::string> Redis::run_id(std::chrono::milliseconds limit) {
    const auto info = ask({"INFO", "server"}, limit);
    if (!info)
        return info.error();
    const std::string_view text = info->view().text();
    constexpr std::string_view kName = "run_id:";
    const std::size_t at = text.find(kName);
    if (at == std::string_view::npos)
        return Error{"Redis tells no run_id"};
    const std::string_view rest = text.substr(at + kName.size());
    return std::string(rest.substr(0, rest.find_first_of("\r\n")));
}

} // namespace l7
