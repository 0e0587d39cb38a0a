// SPDX-License-Identifier: GPL-2.0-or-later
// Flow records of a daemon: what sweeps and walks find goes through the book to the exporter.
//
// Threads: all may use it; one lock is held over a walk.
#pragma once

#include "core/report/flow_book.hpp"
#include "daemon/parts/catalog.hpp"
#include "export/exporter.hpp"
#include "kernel/state.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace l7 {

class FlowExport {
  public:
    /// `marks_file` keeps, over a restart, what of the flows in `kernel` was reported. It is read
    /// where the kernel's flows were `adopted`, else removed.
    FlowExport(const KernelState &kernel, const CatalogHolder &catalogs, std::string marks_file,
               bool adopted);

    /// Another catalog is in force. A writer whose configuration did not change goes on, with its
    /// file opened anew.
    void use(const Catalog &catalog);

    /// A flow that a sweep removed.
    void swept(const l7_flow_entry &entry);

    /// Looks for flows that are to be reported though they live; every `seconds` as they pass.
    Result<void> tick(unsigned seconds);

    /// Reports the live flows that a device counts, or all, where the configuration says so.
    Result<void> flush(std::optional<unsigned> slot);

    /// Reports what lives, writes the marks and ends the writer.
    Result<void> stop();

    std::optional<ExportReport> report() const;

  private:
    void emit(const FlowClosing &closing);
    Result<void> walk(const std::function<void(const l7_flow_entry &, std::uint64_t)> &each);
    Result<void> flush_locked(std::optional<unsigned> slot);
    Result<void> save_marks();
    void load_marks();

    const KernelState &kernel_;
    const CatalogHolder &catalogs_;
    const std::string marks_file_;
    const std::uint32_t ticks_;

    mutable std::mutex mutex_; // guards what follows
    FlowBook book_;
    std::vector<l7_attachment> attachments_;
    bool attachments_known_ = false;
    std::unique_ptr<Exporter> exporter_;
    unsigned since_walk_ = 0;
    bool marked_ = false; ///< a part was reported since the marks were written
};

} // namespace l7
