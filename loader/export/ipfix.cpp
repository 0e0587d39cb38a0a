// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/ipfix.hpp"

#include <array>
#include <cstring>
#include <fixbuf/public.h>

namespace l7 {

namespace {

enum Template : std::uint16_t { kFlow4 = 256, kFlow6 = 257, kName = 258 };
constexpr std::uint32_t kInternal = 1; // a field that only pads our structs
constexpr std::uint8_t kUserDefined = 6;
constexpr std::uint8_t kInitiator = 1, kArbitrary = 0; // biflowDirection

/// What the templates describe; no implicit padding, as fixbuf reads it by offsets.
struct Common {
    std::uint64_t start_ms, end_ms;
    std::uint64_t bytes, packets, bytes_back, packets_back;
    std::uint32_t ingress, egress;
    std::uint8_t application[4];
    std::uint16_t sport, dport;
    std::uint16_t flags, flags_back;
    std::uint8_t l4, end, direction, pad;
};
struct Flow4 {
    std::uint32_t source, target;
    Common rest;
};
struct Flow6 {
    std::uint8_t source[16], target[16];
    Common rest;
};
struct Name {
    std::uint8_t application[4];
    std::uint8_t pad[4];
    fbVarfield_t name;
};
static_assert(sizeof(Common) == 72 && sizeof(Flow4) == 80 && sizeof(Flow6) == 104);
static_assert(sizeof(Name) == 24 && offsetof(Name, name) == 8);

using Spec = fbInfoElementSpec_t;
char *text(const char *name) {
    return const_cast<char *>(name); // fixbuf only reads it
}

std::vector<Spec> with_common(const char *source, const char *target, std::uint16_t size) {
    return {{text(source), size, 0},
            {text(target), size, 0},
            {text("flowStartMilliseconds"), 8, 0},
            {text("flowEndMilliseconds"), 8, 0},
            {text("octetDeltaCount"), 8, 0},
            {text("packetDeltaCount"), 8, 0},
            {text("reverseOctetDeltaCount"), 8, 0},
            {text("reversePacketDeltaCount"), 8, 0},
            {text("ingressInterface"), 4, 0},
            {text("egressInterface"), 4, 0},
            {text("applicationId"), 4, 0},
            {text("sourceTransportPort"), 2, 0},
            {text("destinationTransportPort"), 2, 0},
            {text("tcpControlBits"), 2, 0},
            {text("reverseTcpControlBits"), 2, 0},
            {text("protocolIdentifier"), 1, 0},
            {text("flowEndReason"), 1, 0},
            {text("biflowDirection"), 1, 0},
            {text("paddingOctets"), 1, kInternal},
            FB_IESPEC_NULL};
}

Error failed(const char *what, GError *&why) {
    Error error{std::string("IPFIX: ") + what + ": " + (why ? why->message : "no reason given")};
    g_clear_error(&why);
    return error;
}

void put_application(std::uint32_t id, std::uint8_t (&into)[4]) {
    for (unsigned i = 0; i < 4; i++)
        into[i] = static_cast<std::uint8_t>(id >> (24 - 8 * i));
}

} // namespace

struct IpfixEncoder::Fixbuf {
    std::vector<std::uint8_t> message;
    fbInfoModel_t *model = nullptr;
    fbExporter_t *exporter = nullptr;
    fbSession_t *session = nullptr;
    fBuf_t *buffer = nullptr; ///< owns session and exporter

    ~Fixbuf() {
        if (buffer)
            fBufFree(buffer);
        else if (session)
            fbSessionFree(session);
        if (model)
            fbInfoModelFree(model);
    }

    Result<void> describe(std::uint16_t id, std::vector<Spec> spec, bool options) {
        for (const bool internal : {true, false}) {
            GError *why = nullptr;
            fbTemplate_t *made = fbTemplateAlloc(model);
            if (!fbTemplateAppendSpecArray(made, spec.data(), internal ? kInternal : 0, &why)) {
                fbTemplateFreeUnused(made);
                return failed("making a template", why);
            }
            if (options)
                fbTemplateSetOptionsScope(made, 1);
            if (!fbSessionAddTemplate(session, internal, id, made, &why)) {
                fbTemplateFreeUnused(made);
                return failed("adding a template", why);
            }
        }
        return {};
    }
};

IpfixEncoder::IpfixEncoder() : fixbuf_(std::make_unique<Fixbuf>()) {}
IpfixEncoder::~IpfixEncoder() = default;

Result<std::unique_ptr<IpfixEncoder>> IpfixEncoder::make(std::uint32_t domain,
                                                         std::uint16_t message_bytes) {
    std::unique_ptr<IpfixEncoder> out(new IpfixEncoder);
    Fixbuf &fixbuf = *out->fixbuf_;
    fixbuf.message.resize(message_bytes);
    fixbuf.model = fbInfoModelAlloc();
    fixbuf.session = fbSessionAlloc(fixbuf.model);
    fbSessionSetDomain(fixbuf.session, domain);
    if (auto made = fixbuf.describe(
            kFlow4, with_common("sourceIPv4Address", "destinationIPv4Address", 4), false);
        !made)
        return made.error();
    if (auto made = fixbuf.describe(
            kFlow6, with_common("sourceIPv6Address", "destinationIPv6Address", 16), false);
        !made)
        return made.error();
    if (auto made = fixbuf.describe(kName,
                                    {{text("applicationId"), 4, 0},
                                     {text("paddingOctets"), 4, kInternal},
                                     {text("applicationName"), FB_IE_VARLEN, 0},
                                     FB_IESPEC_NULL},
                                    true);
        !made)
        return made.error();
    fixbuf.exporter = fbExporterAllocBuffer(fixbuf.message.data(), message_bytes);
    fixbuf.buffer = fBufAllocForExport(fixbuf.session, fixbuf.exporter);
    fBufSetAutomaticMode(fixbuf.buffer, FALSE);
    if (auto told = out->repeat_templates(); !told)
        return told.error();
    return out;
}

Result<void> IpfixEncoder::repeat_templates() {
    // Templates are in a message of their own, and those of options in another: fixbuf wants it so.
    if (auto emitted = emit(); !emitted)
        return emitted;
    for (const std::uint16_t id : {kFlow4, kFlow6, kName}) {
        GError *why = nullptr;
        if (!fbSessionExportTemplate(fixbuf_->session, id, &why)) {
            if (!g_error_matches(why, FB_ERROR_DOMAIN, FB_ERROR_EOM))
                return failed("writing templates", why);
            g_clear_error(&why);
            if (auto emitted = emit(); !emitted)
                return emitted;
            if (!fbSessionExportTemplate(fixbuf_->session, id, &why))
                return failed("writing templates", why);
        }
        begun_ = true;
    }
    for (const auto &[id, name] : std::exchange(told_, {}))
        if (auto told = tell_name(id, name); !told)
            return told;
    return {};
}

std::uint32_t IpfixEncoder::application_id(const FlowRecord &record) {
    static_assert(L7_PROTOCOLS_MAX <= 1 << 12 && L7_APPLICATIONS_MAX <= 1 << 12);
    return std::uint32_t{kUserDefined} << 24 | std::uint32_t{record.protocol_number} << 12 |
           record.application_number;
}

Result<void> IpfixEncoder::tell_name(std::uint32_t id, const std::string &name) {
    if (!told_.emplace(id, name).second)
        return {};
    Name record{};
    put_application(id, record.application);
    record.name.buf = reinterpret_cast<std::uint8_t *>(const_cast<char *>(name.data()));
    record.name.len = name.size();
    return append(kName, &record, sizeof(record), false);
}

Result<void> IpfixEncoder::add(const FlowRecord &record) {
    const std::uint32_t id = application_id(record);
    if (!told_.contains(id)) {
        const std::string name = record.application.empty()
                                     ? record.protocol
                                     : record.protocol + "/" + record.application;
        if (auto told = tell_name(id, name); !told)
            return told;
    }
    Common rest{.start_ms = record.start_ms,
                .end_ms = record.end_ms,
                .bytes = record.amounts.bytes[0],
                .packets = record.amounts.packets[0],
                .bytes_back = record.amounts.bytes[1],
                .packets_back = record.amounts.packets[1],
                .ingress = record.ingress.index,
                .egress = record.egress.index,
                .application = {},
                .sport = record.sport,
                .dport = record.dport,
                .flags = record.tcp_flags[0],
                .flags_back = record.tcp_flags[1],
                .l4 = record.l4,
                .end = static_cast<std::uint8_t>(record.end),
                .direction = record.midstream ? kArbitrary : kInitiator,
                .pad = 0};
    put_application(id, rest.application);
    if (record.family == 4) {
        const auto host_order = [](const std::array<std::uint8_t, 16> &address) {
            return std::uint32_t{address[0]} << 24 | std::uint32_t{address[1]} << 16 |
                   std::uint32_t{address[2]} << 8 | address[3];
        };
        Flow4 flow{host_order(record.source), host_order(record.target), rest};
        return append(kFlow4, &flow, sizeof(flow), true);
    }
    Flow6 flow{{}, {}, rest};
    std::memcpy(flow.source, record.source.data(), 16);
    std::memcpy(flow.target, record.target.data(), 16);
    return append(kFlow6, &flow, sizeof(flow), true);
}

Result<void> IpfixEncoder::append(std::uint16_t type, void *record, std::size_t size, bool flow) {
    GError *why = nullptr;
    if (!fBufSetInternalTemplate(fixbuf_->buffer, type, &why) ||
        !fBufSetExportTemplate(fixbuf_->buffer, type, &why))
        return failed("choosing a template", why);
    auto *bytes = static_cast<std::uint8_t *>(record);
    if (!fBufAppend(fixbuf_->buffer, bytes, size, &why)) {
        if (!g_error_matches(why, FB_ERROR_DOMAIN, FB_ERROR_EOM))
            return failed("writing a record", why);
        g_clear_error(&why);
        if (auto emitted = emit(); !emitted)
            return emitted;
        if (!fBufAppend(fixbuf_->buffer, bytes, size, &why))
            return failed("writing a record", why);
    }
    begun_ = true;
    records_ += flow ? 1 : 0;
    return {};
}

Result<void> IpfixEncoder::emit() {
    if (!begun_)
        return {};
    GError *why = nullptr;
    begun_ = false;
    const std::uint32_t records = std::exchange(records_, 0);
    if (!fBufEmit(fixbuf_->buffer, &why))
        return failed("ending a message", why);
    const auto begin = fixbuf_->message.begin();
    const auto size = static_cast<std::ptrdiff_t>(fbExporterGetMsgLen(fixbuf_->exporter));
    done_.push_back({{begin, begin + size}, records});
    return {};
}

Result<std::vector<IpfixMessage>> IpfixEncoder::take() {
    if (auto emitted = emit(); !emitted)
        return emitted.error();
    return std::exchange(done_, {});
}

} // namespace l7
