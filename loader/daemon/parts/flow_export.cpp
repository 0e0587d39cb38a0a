// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/parts/flow_export.hpp"

#include "core/base/clock.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

namespace l7 {

namespace {

constexpr unsigned kWalkSeconds = 10; // a flow that is pushed out loses what it counted since
constexpr std::uint32_t kMarksMagic = 0x6c376d31; // "l7m1"

struct MarksHead {
    std::uint32_t magic = kMarksMagic;
    std::uint32_t abi = L7_ABI;
    char boot[40]{}; // ticks and flows of another boot mean nothing
};

MarksHead marks_head() {
    MarksHead head;
    if (const Fd boot(open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)); boot)
        if (read(boot.get(), head.boot, sizeof(head.boot) - 1) < 0)
            head.boot[0] = 0;
    return head;
}

} // namespace

FlowExport::FlowExport(const KernelState &kernel, const CatalogHolder &catalogs,
                       std::string marks_file, bool adopted)
    : kernel_(kernel), catalogs_(catalogs), marks_file_(std::move(marks_file)),
      ticks_(KernelState::ticks_per_second()),
      book_([this](FlowClosing &&closing) { emit(closing); }) {
    if (adopted)
        load_marks();
    else
        unlink(marks_file_.c_str());
}

void FlowExport::use(const Catalog &catalog) {
    std::unique_ptr<Exporter> old; // ends without the lock: it may have much to write
    const std::lock_guard lock(mutex_);
    const ExportConfig &config = catalog.config.exporting;
    attachments_ = kernel_.attachments();
    if (exporter_ && exporter_->config() == config)
        return exporter_->reopen();
    old = std::move(exporter_);
    if (config.wanted())
        exporter_ = std::make_unique<Exporter>(config);
}

void FlowExport::emit(const FlowClosing &closing) {
    if (closing.reason == EndReason::Active || closing.reason == EndReason::Forced)
        marked_ = true;
    if (exporter_)
        exporter_->push(make_record(closing, catalogs_.get()->knowledge, attachments_, ticks_));
}

void FlowExport::swept(const l7_flow_entry &entry) {
    const std::lock_guard lock(mutex_);
    if (!exporter_)
        return;
    if (!std::exchange(attachments_known_, true))
        attachments_ = kernel_.attachments();
    book_.swept(entry, wall_ms());
}

Result<void>
FlowExport::walk(const std::function<void(const l7_flow_entry &, std::uint64_t)> &each) {
    attachments_ = kernel_.attachments();
    // Newcomers first: a flow that moves meanwhile is met twice rather than not at all.
    for (const auto table : {FlowTables::Table::Newcomers, FlowTables::Table::Flows})
        if (auto walked = kernel_.flows().walk(table,
                                               [&](const l7_flow_entry &entry) {
                                                   each(entry, wall_ms());
                                                   return true;
                                               });
            !walked)
            return walked;
    return {};
}

Result<void> FlowExport::tick(unsigned seconds) {
    const std::lock_guard lock(mutex_);
    if (!exporter_)
        return {};
    attachments_known_ = false; // until the next sweep
    since_walk_ += seconds;
    const std::uint32_t active = exporter_->config().active;
    if (since_walk_ < std::min(kWalkSeconds, active))
        return {};
    since_walk_ = 0;
    book_.begin_walk();
    if (auto walked = walk([&](const l7_flow_entry &entry, std::uint64_t wall) {
            book_.met(entry, wall, std::uint64_t{active} * 1000);
        });
        !walked)
        return walked; // whom it did not meet is not gone
    book_.end_walk();
    return marked_ ? save_marks() : Result<void>{};
}

Result<void> FlowExport::flush(std::optional<unsigned> slot) {
    const std::lock_guard lock(mutex_);
    return flush_locked(slot);
}

Result<void> FlowExport::flush_locked(std::optional<unsigned> slot) {
    if (!exporter_ || !exporter_->config().flush)
        return {};
    return walk([&](const l7_flow_entry &entry, std::uint64_t wall) {
        const auto counts = [&](std::uint8_t owner) {
            return owner && (owner - 1U) / 2 == slot.value_or((owner - 1U) / 2);
        };
        if (counts(entry.flow.owner[0]) || counts(entry.flow.owner[1]))
            book_.force(entry, wall);
    });
}

Result<void> FlowExport::stop() {
    std::unique_ptr<Exporter> last;
    const std::lock_guard lock(mutex_);
    if (!exporter_)
        return {};
    auto flushed = flush_locked(std::nullopt);
    auto saved = save_marks();
    last = std::move(exporter_);
    return flushed ? saved : flushed;
}

std::optional<ExportReport> FlowExport::report() const {
    const std::lock_guard lock(mutex_);
    if (!exporter_)
        return std::nullopt;
    return exporter_->report();
}

Result<void> FlowExport::save_marks() {
    const std::vector<FlowMark> marks = book_.marks();
    const MarksHead head = marks_head();
    const std::string next = marks_file_ + ".new";
    Fd file(open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const auto size = static_cast<ssize_t>(marks.size() * sizeof(FlowMark));
    if (!file || write(file.get(), &head, sizeof(head)) != sizeof(head) ||
        write(file.get(), marks.data(), marks.size() * sizeof(FlowMark)) != size ||
        rename(next.c_str(), marks_file_.c_str()) != 0) {
        const std::string why = std::strerror(errno);
        unlink(next.c_str());
        return Error{"noting in " + marks_file_ + " what was exported: " + why};
    }
    marked_ = false;
    return {};
}

void FlowExport::load_marks() {
    const Fd file(open(marks_file_.c_str(), O_RDONLY | O_CLOEXEC));
    MarksHead head;
    const MarksHead ours = marks_head();
    if (!file || read(file.get(), &head, sizeof(head)) != sizeof(head) ||
        std::memcmp(&head, &ours, sizeof(head)) != 0)
        return;
    struct stat now {};
    if (fstat(file.get(), &now) != 0)
        return;
    std::vector<FlowMark> marks((static_cast<std::size_t>(now.st_size) - sizeof(head)) /
                                sizeof(FlowMark));
    const ssize_t got = read(file.get(), marks.data(), marks.size() * sizeof(FlowMark));
    marks.resize(got > 0 ? static_cast<std::size_t>(got) / sizeof(FlowMark) : 0);
    book_.restore(marks);
}

} // namespace l7
