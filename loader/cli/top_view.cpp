// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/top_view.hpp"

#include "cli/top_feed.hpp"

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cstring>
#include <fmt/format.h>
#include <langinfo.h>
#include <memory>
#include <optional>

#define NCURSES_NOMACROS // they are called erase, timeout and the like
#include <curses.h>

namespace l7 {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kEscape = 27;
constexpr double kSlowFlows_s = 0.25; // flows that take longer to list are asked only when shown
constexpr int kHeadLines = 3;         // sums, views, columns
constexpr std::size_t kFilterMax = 64;

const std::vector<std::string> kHelp{
    "1 2 3 4 5   protocols, applications, classes, hosts, flows (Tab: the next)",
    "s           sort by rate, packets, flows, total, name",
    "r           the other way round",
    "/           show only rows with this text; Esc: all again",
    "up down     choose a row (also j, k, page up, page down, home, end)",
    "Enter       flow: how it was recognised; else: the flows that have this name",
    "space       stop, and go on",
    "?           this page",
    "q           leave, or leave this page",
    "",
    "Rates are bit/s since the screen before. `in` and `out` are of all attached devices: what is",
    "forwarded from one to another goes in and out. The other views count a flow once, and a host",
    "for each end. The line on the right is the last minute against its own highest.",
};

/// What others sent must not move the cursor or ring the bell.
std::string printable(std::string text) {
    for (char &c : text)
        if (c < ' ' || c > '~')
            c = '?';
    return text;
}

/// curses, for as long as it lives.
class Terminal {
  public:
    static Result<std::unique_ptr<Terminal>> open() {
        std::setlocale(LC_CTYPE, "");
        SCREEN *screen = newterm(nullptr, stdout, stdin);
        if (!screen)
            return Error{"this terminal is not known (TERM)", "l7ctl top -b 10 needs none"};
        return std::unique_ptr<Terminal>(new Terminal(screen));
    }

    ~Terminal() {
        endwin();
        delscreen(screen_);
    }
    Terminal(const Terminal &) = delete;
    Terminal &operator=(const Terminal &) = delete;

    int width() const { return getmaxx(stdscr); }
    int height() const { return getmaxy(stdscr); }

    /// A line, cut at the edge. `text` may hold the sparkline's bytes, so columns are not counted
    /// in it: `columns` says where it ends.
    void line(int y, const std::string &text, attr_t attributes = WA_NORMAL) const {
        if (y < 0 || y >= height())
            return;
        attr_on(attributes, nullptr);
        mvaddnstr(y, 0, text.c_str(), static_cast<int>(cut(text, width())));
        if (attributes & WA_REVERSE)
            for (int x = getcurx(stdscr); x < width() && getcury(stdscr) == y; x++) {
                addch(' ');
                if (x + 1 == width())
                    break;
            }
        attr_off(attributes, nullptr);
    }

    std::string spark(const TopHistory *history, double now_s, std::size_t width) const {
        static constexpr const char *kBlocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
        static constexpr const char *kAscii[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
        std::string out;
        if (history)
            for (const unsigned level : history->levels(now_s, width))
                out += utf8_ ? kBlocks[level % 9] : kAscii[level % 9];
        return out;
    }

  private:
    explicit Terminal(SCREEN *screen)
        : screen_(screen), utf8_(std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0) {
        cbreak();
        noecho();
        keypad(stdscr, TRUE);
        set_escdelay(50);
        curs_set(0);
    }

    /// Bytes of the first `columns` characters.
    static std::size_t cut(const std::string &text, int columns) {
        std::size_t at = 0;
        for (; at < text.size(); at++)
            if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80 && columns-- == 0)
                break;
        return at;
    }

    SCREEN *screen_;
    bool utf8_;
};

class TopScreen {
  public:
    TopScreen(Instance instance, double interval_s, const Terminal &terminal)
        : instance_(std::move(instance)), interval_(interval_s), terminal_(terminal) {}

    Result<void> run() {
        feed();
        if (!trouble_.empty())
            return Error{trouble_, "is the daemon running? l7ctl status"};
        for (auto next = Clock::now() + step();;) {
            draw();
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(next - Clock::now()).count();
            timeout(static_cast<int>(std::clamp<long long>(left + 1, 0, 3600'000)));
            const int key = getch();
            if (key != ERR && !press(key))
                return {};
            if (Clock::now() < next)
                continue;
            if (!paused_)
                feed();
            next = Clock::now() + step();
        }
    }

  private:
    Clock::duration step() const {
        // Two looks make the first rates: the second comes soon.
        return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
            model_.has_rates() ? interval_ : std::min(interval_, 0.5)));
    }

    void feed() {
        const bool flows = view_ != TopView::Protocol || flows_took_s_ < kSlowFlows_s;
        const auto start = Clock::now();
        auto read = read_top(instance_, flows);
        trouble_.clear();
        if (!read) {
            trouble_ = read.error().message;
            return;
        }
        if (flows)
            flows_took_s_ = std::chrono::duration<double>(Clock::now() - start).count();
        flows_cut_ = read->flows.size() >= kTopFlowsMax;
        model_.add(std::move(*read));
    }

    /// False when the user has had enough.
    bool press(int key) {
        if (key == KEY_RESIZE) {
            clear();
            return true;
        }
        if (typing_)
            type(key);
        else if (page_)
            turn(key);
        else
            return choose(key);
        return true;
    }

    void type(int key) {
        if (key == '\n' || key == KEY_ENTER)
            typing_ = false;
        else if (key == kEscape) {
            typing_ = false;
            filter_.clear();
        } else if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
            if (!filter_.empty())
                filter_.pop_back();
        } else if (key >= ' ' && key <= '~' && filter_.size() < kFilterMax) {
            filter_ += static_cast<char>(key);
        }
    }

    void turn(int key) {
        if (key == 'q' || key == kEscape || key == '\n' || key == KEY_ENTER || key == '?')
            page_.reset();
        else
            page_offset_ = move(key, page_offset_, page_->size(), terminal_.height() - 2);
    }

    /// Where a key moves to in a list of `size`, a page being `page` lines.
    static std::size_t move(int key, std::size_t at, std::size_t size, int page) {
        const auto end = static_cast<std::ptrdiff_t>(size) - 1;
        auto to = static_cast<std::ptrdiff_t>(at);
        switch (key) {
        case KEY_UP:
        case 'k':
            to--;
            break;
        case KEY_DOWN:
        case 'j':
            to++;
            break;
        case KEY_PPAGE:
            to -= page;
            break;
        case KEY_NPAGE:
            to += page;
            break;
        case KEY_HOME:
            to = 0;
            break;
        case KEY_END:
            to = end;
            break;
        default:
            break;
        }
        return static_cast<std::size_t>(std::max<std::ptrdiff_t>(std::min(to, end), 0));
    }

    bool choose(int key) {
        switch (key) {
        case 'q':
            return false;
        case '\t':
            see(static_cast<TopView>((static_cast<std::size_t>(view_) + 1) % kTopViews));
            break;
        case 's':
            sort_ = static_cast<TopSort>((static_cast<std::size_t>(sort_) + 1) % kTopSorts);
            break;
        case 'r':
            reversed_ = !reversed_;
            break;
        case '/':
            typing_ = true;
            break;
        case kEscape:
            filter_.clear();
            break;
        case ' ':
            paused_ = !paused_;
            break;
        case '?':
            open_page("keys", kHelp);
            break;
        case '\n':
        case KEY_ENTER:
            enter();
            break;
        default:
            if (key >= '1' && key < '1' + static_cast<int>(kTopViews))
                see(static_cast<TopView>(key - '1'));
            else
                select(key);
        }
        return true;
    }

    void see(TopView view) {
        view_ = view;
        selected_.clear();
        offset_ = 0;
        if (view != TopView::Protocol && flows_took_s_ >= kSlowFlows_s && !paused_)
            feed();
    }

    void select(int key) {
        const auto rows = model_.rows(view_, sort_, reversed_, filter_);
        if (!rows.empty())
            selected_ = rows[move(key, position(rows), rows.size(), body())].name;
    }

    /// The chosen row keeps being chosen wherever it goes; else the first.
    std::size_t position(const std::vector<TopRow> &rows) const {
        const auto at = std::ranges::find(rows, selected_, &TopRow::name);
        return at == rows.end() ? 0 : static_cast<std::size_t>(at - rows.begin());
    }

    void enter() {
        const auto rows = model_.rows(view_, sort_, reversed_, filter_);
        if (rows.empty())
            return;
        const TopRow &row = rows[position(rows)];
        if (view_ != TopView::Flow) {
            const std::string name = row.name;
            const bool searchable = view_ != TopView::Class && name != "-";
            see(TopView::Flow);
            filter_ = searchable ? name : std::string();
            return;
        }
        auto lines = explain_flow(instance_, *row.flow);
        open_page(row.name,
                  lines ? std::move(*lines) : std::vector<std::string>{lines.error().message});
    }

    void open_page(std::string title, std::vector<std::string> lines) {
        page_ = std::move(lines);
        page_title_ = std::move(title);
        page_offset_ = 0;
    }

    int body() const { return std::max(terminal_.height() - kHeadLines - 1, 1); }

    void draw() {
        erase();
        if (page_)
            draw_page();
        else
            draw_rows();
        refresh();
    }

    void draw_page() const {
        terminal_.line(0, printable(page_title_), WA_REVERSE);
        for (int y = 1; y < terminal_.height() - 1; y++)
            if (const std::size_t i = page_offset_ + static_cast<std::size_t>(y) - 1;
                i < page_->size())
                terminal_.line(y, printable((*page_)[i]));
        terminal_.line(terminal_.height() - 1, "q back   up/down scroll", WA_DIM);
    }

    void draw_rows() {
        const TopRow sum = model_.sum();
        terminal_.line(0,
                       fmt::format("l7ctl top   in {:>5} out {:>5} bit/s   {:>5} packet/s   {}",
                                   short_number(sum.in), short_number(sum.out),
                                   short_number(sum.packets),
                                   terminal_.spark(sum.history, model_.now_s(), 20)),
                       WA_BOLD);
        std::string views;
        for (std::size_t i = 0; i < kTopViews; i++)
            views += fmt::format("{}{} {}{} ", static_cast<std::size_t>(view_) == i ? '[' : ' ',
                                 i + 1, top_view_name(static_cast<TopView>(i)),
                                 static_cast<std::size_t>(view_) == i ? ']' : ' ');
        terminal_.line(1, fmt::format("{} by {}{}{}{}", views, top_sort_name(sort_),
                                      reversed_ ? " reversed" : "",
                                      filter_.empty() ? "" : " /" + filter_,
                                      paused_ ? " PAUSED" : ""));
        terminal_.line(2, columns(), WA_REVERSE);

        const auto rows = model_.rows(view_, sort_, reversed_, filter_);
        const std::size_t at = position(rows), lines = static_cast<std::size_t>(body());
        offset_ = std::clamp(offset_, at + 1 > lines ? at + 1 - lines : 0, at);
        for (std::size_t i = 0; i < lines && offset_ + i < rows.size(); i++)
            terminal_.line(kHeadLines + static_cast<int>(i), text(rows[offset_ + i]),
                           offset_ + i == at ? WA_STANDOUT : WA_NORMAL);
        terminal_.line(terminal_.height() - 1, foot(rows.size()),
                       trouble_.empty() ? WA_DIM : WA_BOLD);
    }

    std::string foot(std::size_t rows) const {
        if (typing_)
            return "/" + filter_ + "_";
        if (!trouble_.empty())
            return "no answer: " + printable(trouble_);
        return fmt::format(
            "{} rows{}   ? help   / filter   s sort   space pause   enter more   q quit", rows,
            flows_cut_ ? fmt::format(" of the first {} flows", kTopFlowsMax) : "");
    }

    /// Columns of names, given what the others need.
    int name_width() const {
        const int others = view_ == TopView::Flow ? 31 : view_ == TopView::Protocol ? 62 : 54;
        return std::max(terminal_.width() - others, 8);
    }

    std::string columns() const {
        const std::string name =
            fmt::format("{:<{}.{}}", top_view_name(view_), name_width(), name_width());
        if (view_ == TopView::Flow)
            return fmt::format("{} {:>7} {:>7}  {:<12}", name, "bit/s", "bytes", "last minute");
        if (view_ == TopView::Protocol)
            return fmt::format("{} {:>7} {:>7} {:>7} {:>6} {:>7}  {:<20}", name, "in b/s",
                               "out b/s", "pkt/s", "flows", "bytes", "last minute");
        return fmt::format("{} {:>7} {:>7} {:>6} {:>7}  {:<20}", name, "bit/s", "pkt/s", "flows",
                           "bytes", "last minute");
    }

    std::string text(const TopRow &row) const {
        const std::string full =
            printable(row.detail.empty() ? row.name : row.name + " " + row.detail);
        const std::string name = fmt::format("{:<{}.{}}", full, name_width(), name_width());
        const std::string total = short_number(static_cast<double>(row.total));
        const auto spark = [&](std::size_t width) {
            return terminal_.spark(row.history, model_.now_s(), width);
        };
        if (view_ == TopView::Flow)
            return fmt::format("{} {:>7} {:>7}  {}", name, short_number(row.rate()), total,
                               spark(12));
        if (view_ == TopView::Protocol)
            return fmt::format("{} {:>7} {:>7} {:>7} {:>6} {:>7}  {}", name, short_number(row.in),
                               short_number(row.out), short_number(row.packets), row.flows, total,
                               spark(20));
        return fmt::format("{} {:>7} {:>7} {:>6} {:>7}  {}", name, short_number(row.rate()),
                           short_number(row.packets), row.flows, total, spark(20));
    }

    Instance instance_;
    double interval_;
    const Terminal &terminal_;
    TopModel model_;
    TopView view_ = TopView::Protocol;
    TopSort sort_ = TopSort::Rate;
    bool reversed_ = false, paused_ = false, typing_ = false, flows_cut_ = false;
    std::string filter_, selected_, trouble_, page_title_;
    std::size_t offset_ = 0, page_offset_ = 0;
    std::optional<std::vector<std::string>> page_;
    double flows_took_s_ = 0;
};

} // namespace

Result<void> show_top(const Instance &instance, double interval_s) {
    if (auto probe = read_top(instance, false); !probe)
        return probe.error(); // while there is a plain terminal to say it on
    auto terminal = Terminal::open();
    if (!terminal)
        return terminal.error();
    return TopScreen(instance, interval_s, **terminal).run();
}

} // namespace l7
