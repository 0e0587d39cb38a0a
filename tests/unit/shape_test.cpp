// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/config.hpp"
#include "core/policy/shape_plan.hpp"
#include "core/policy/shape_presets.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace l7;

namespace {

constexpr const char *kConfig = R"([[shape]]
dev = "eth0"
up = "50mbit"
down = "200mbit"
[[class]]
name = "calls"
rate = "2mbit"
ceil = "100%"
priority = 1
[[class]]
name = "people"
rate = "60%"
ceil = "100%"
[[class]]
name = "staff"
parent = "people"
rate = "50%"
ceil = "100%"
leaf = "sfq"
[[class]]
name = "guests"
parent = "people"
rate = "10mbit"
default = true
)";

ShapeConfig read(const std::string &text) {
    const auto config = parse_config(text, "x.toml");
    INFO((config ? "" : config.error().message));
    REQUIRE(config);
    return config->shape;
}

const std::set<std::string> kKinds = {"pfifo", "fq_codel"};

WantedShape wanted(const ShapeConfig &config, const std::set<std::string> &kinds = kKinds) {
    const ShapeDevice &device = config.devices.at(0);
    WantedShape out{device.dev, {}, {}};
    if (device.up)
        out.up = make_tree(config, device, false, kinds);
    if (device.down)
        out.down = make_tree(config, device, true, kinds);
    return out;
}

/// What the kernel has once the tree is made.
FoundTree made(const Tree &tree) {
    FoundTree out{
        RootOwner::Ours, "htb", static_cast<std::uint32_t>(tree.major) << 16, tree.default_id, {}};
    for (const TreeClass &one : tree.classes)
        out.classes[one.id] = {
            one, quantum_of(one), one.leaf.empty() ? 0 : leaf_handle(one.id), {}};
    return out;
}

FoundShape made(const WantedShape &shape) {
    FoundShape out;
    if (shape.up)
        out.up = made(*shape.up);
    if (shape.down) {
        out.down = made(*shape.down);
        out.ifb = out.ifb_up = out.redirect = true;
    }
    return out;
}

std::vector<std::string> texts(const WantedShape &shape, const FoundShape &found) {
    const auto changes = plan_shape(shape, found);
    REQUIRE(changes);
    std::vector<std::string> out;
    for (const ShapeChange &change : *changes)
        out.push_back(change.text);
    return out;
}

using Texts = std::vector<std::string>;

std::string replaced(std::string text, const std::string &from, const std::string &to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

} // namespace

TEST_CASE("rates are tc's") {
    CHECK(parse_rate("8bit") == 1);
    CHECK(parse_rate("8000") == 1000);
    CHECK(parse_rate("50mbit") == 6250000);
    CHECK(parse_rate("1.5Mbit") == 187500);
    CHECK(parse_rate("2mbps") == 2000000);
    CHECK(parse_rate("1KiBps") == 1024);
    CHECK(parse_rate("100gbit") == 12500000000);
    for (const char *bad : {"", "mbit", "1 megabit", "-1mbit", "0", "7bit", "1e3mbit", "inf", "nan",
                            "30%", "99999999tbit", "1mbit "})
        CHECK_FALSE(parse_rate(bad));
    CHECK(rate_text(6250000) == "50mbit");
    CHECK(rate_text(187500) == "1500kbit");
    CHECK(rate_text(1) == "8bit");
}

TEST_CASE("classes are numbered in their order") {
    const auto config = parse_config(kConfig, "x.toml");
    REQUIRE(config);
    CHECK(classid_of(*config, "calls") == 0x10010U);
    CHECK(classid_of(*config, "guests") == 0x10040U);
    CHECK_FALSE(classid_of(*config, "nobody"));
    const ShapeConfig other = read(replaced(kConfig, "[[class]]", "major = 2\n[[class]]"));
    CHECK(classid_of(other, "calls") == 0x20010U);
}

TEST_CASE("what is wrong with shapes and classes is told with its place") {
    struct Bad {
        std::string text;
        const char *where;
        const char *what;
    };
    const std::string shape = "[[shape]]\ndev = \"eth0\"\nup = \"1mbit\"\n";
    const std::string one = "[[class]]\nname = \"a\"\nrate = \"1mbit\"\ndefault = true\n";
    const Bad bad = GENERATE_COPY(
        Bad{"[[shape]]\nup = \"1mbit\"\n", "x.toml:1:1:", "needs dev"},
        Bad{"[[shape]]\ndev = \"eth0\"\n", "x.toml:1:1:", "up, down or both"},
        Bad{"[[shape]]\ndev = \"eth0\"\nup = \"fast\"\n", "x.toml:3:6:", "as tc writes it"},
        Bad{"[[shape]]\ndev = \"eth0\"\nup = \"10%\"\n", "x.toml:3:6:", "as tc writes it"},
        Bad{shape + shape, "x.toml:4:1:", "shaped twice"},
        Bad{shape + "major = 16\n", "x.toml:4:9:", "1 to 15"},
        Bad{"shape = 3\n", "x.toml:1:9:", "[[shape]]"},
        Bad{"class = [1]\n", "x.toml:1:10:", "[[class]]"},
        Bad{shape + "color = 1\n", "x.toml:4:1:", "no key of a shape"},
        Bad{one + "rat = \"1mbit\"\n", "x.toml:5:1:", "no key of a class"},
        Bad{"[[class]]\nname = \"a\"\n", "x.toml:1:1:", "needs a rate"},
        Bad{"[[class]]\nrate = \"1mbit\"\n", "x.toml:1:1:", "needs a name"},
        Bad{one + one, "x.toml:5:1:", "two classes a"},
        Bad{one + "[[class]]\nname = \"b\"\nrate = \"1%\"\nparent = \"c\"\n",
            "x.toml:8:10:", "no class named before"},
        Bad{one + "[[class]]\nname = \"b\"\nrate = \"1%\"\nparent = \"a\"\n",
            "x.toml:1:1:", "cannot be the default"},
        Bad{"[[class]]\nname = \"a\"\nrate = \"1mbit\"\n", "x.toml:1:1:", "default = true"},
        Bad{one + "ceil = \"1kbit\"\n", "x.toml:1:1:", "below its rate"},
        Bad{one + "ceil = \"101%\"\n", "x.toml:5:8:", "share of"},
        Bad{one + "priority = 8\n", "x.toml:5:12:", "0, served first, to 7"},
        Bad{one + "leaf = \"red\"\n", "x.toml:5:8:", "fq_codel"});
    const auto config = parse_config(bad.text, "x.toml");
    INFO(bad.text);
    REQUIRE_FALSE(config);
    INFO(config.error().message);
    CHECK(config.error().message.find(bad.where) != std::string::npos);
    CHECK(config.error().message.find(bad.what) != std::string::npos);
}

TEST_CASE("a tree has every number settled") {
    const ShapeConfig config = read(kConfig);
    const Tree up = *wanted(config).up;
    REQUIRE(up.classes.size() == 5);
    CHECK(up.default_id == 0x10040);
    CHECK(up.find(0x10001)->rate == 6250000);
    CHECK(up.find(0x10010)->ceil == 6250000);
    CHECK(up.find(0x10020)->leaf.empty());
    CHECK(up.find(0x10030)->parent == 0x10020);
    CHECK(up.find(0x10030)->rate == 6250000 * 6 / 20);
    CHECK(up.find(0x10030)->leaf == "fq_codel"); // sfq is not there
    const Tree down = *wanted(config).down;
    CHECK(down.find(0x10001)->rate == 25000000);
    CHECK(down.find(0x10010)->rate == 1000000); // four times as much, as the link is
    CHECK(wanted(config, {}).up->find(0x10010)->leaf == "pfifo");
}

TEST_CASE("no class has more than its parent") {
    const Tree tree = *wanted(read(replaced(kConfig, "50mbit", "1mbit"))).up;
    CHECK(tree.find(0x10010)->rate == 125000);
    CHECK(tree.find(0x10040)->rate == 75000);
}

TEST_CASE("a shape without classes is a plain limit") {
    const Tree tree = *wanted(read("[[shape]]\ndev = \"eth0\"\nup = \"8mbit\"\n")).up;
    REQUIRE(tree.classes.size() == 2);
    CHECK(tree.classes[1].rate == 1000000);
    CHECK(tree.default_id == tree.classes[1].id);
}

TEST_CASE("what is there already needs no change") {
    const WantedShape shape = wanted(read(kConfig));
    CHECK(texts(shape, made(shape)).empty());
}

TEST_CASE("a new shape is made from its root on, and handed to last") {
    const Texts all = texts(wanted(read(kConfig)), {});
    REQUIRE(all.size() == 20);
    CHECK(all[0] == "eth0: add root htb default 1:40");
    CHECK(all[1] == "eth0: add class 1:1 rate 50mbit ceil 50mbit");
    CHECK(all[2] == "eth0: add class 1:10 calls rate 2mbit ceil 50mbit prio 1");
    CHECK(all[6] == "eth0: add fq_codel in class 1:10");
    CHECK(all[9] == "l7-eth0: add the device");
    CHECK(all.back() == "eth0: add redirect of what comes in to l7-eth0");
}

TEST_CASE("one difference is one change") {
    const FoundShape before = made(wanted(read(replaced(kConfig, "down = \"200mbit\"\n", ""))));
    const auto changed = [&](const std::string &from, const std::string &to) {
        const auto text = replaced(replaced(kConfig, "down = \"200mbit\"\n", ""), from, to);
        return texts(wanted(read(text)), before);
    };
    CHECK(changed("2mbit", "3mbit") ==
          Texts{"eth0: change class 1:10 calls rate 3mbit ceil 50mbit prio 1"});
    CHECK(changed("priority = 1", "priority = 0") ==
          Texts{"eth0: change class 1:10 calls rate 2mbit ceil 50mbit prio 0"});
    CHECK(changed("leaf = \"sfq\"", "leaf = \"pfifo\"") ==
          Texts{"eth0: change pfifo in class 1:30"});
    CHECK(changed("[[class]]\nname = \"calls\"", "down = \"200mbit\"\n[[class]]\nname = \"calls\"")
              .front() == "l7-eth0: add the device");
}

TEST_CASE("classes that move are made anew, and those below them") {
    const FoundShape before = made(wanted(read(replaced(kConfig, "down = \"200mbit\"\n", ""))));
    auto text = replaced(kConfig, "down = \"200mbit\"\n", "");
    text = replaced(text, "name = \"people\"", "name = \"people\"\nparent = \"calls\"");
    const Texts all = texts(wanted(read(text)), before);
    REQUIRE(all.size() == 8);
    CHECK(all[0] == "eth0: delete class 1:40");
    CHECK(all[1] == "eth0: delete class 1:30");
    CHECK(all[2] == "eth0: delete class 1:20");
    CHECK(all[3].starts_with("eth0: add class 1:20"));
    CHECK(all[7] == "eth0: add fq_codel in class 1:40");
}

TEST_CASE("another default class is another tree") {
    auto text = replaced(kConfig, "default = true\n", "");
    text = replaced(text, "priority = 1\n", "default = true\n");
    const Texts all = texts(wanted(read(text)), made(wanted(read(kConfig))));
    CHECK(all[0] == "eth0: delete root htb");
    CHECK(all[1] == "eth0: add root htb default 1:10");
}

TEST_CASE("a direction that is no longer wanted is taken off") {
    const FoundShape before = made(wanted(read(kConfig)));
    CHECK(texts(wanted(read(replaced(kConfig, "down = \"200mbit\"\n", ""))), before) ==
          Texts{"eth0: delete redirect of what comes in to l7-eth0", "l7-eth0: delete the device"});
    CHECK(texts({"eth0", {}, {}}, before) ==
          Texts{"eth0: delete redirect of what comes in to l7-eth0", "eth0: delete root htb",
                "l7-eth0: delete the device"});
}

TEST_CASE("what others made is left alone") {
    FoundShape found;
    found.up = {RootOwner::Foreign, "tbf", 0x80010000, 0, {}};
    const auto refused = plan_shape(wanted(read(kConfig)), found);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("tbf 8001:") != std::string::npos);
    CHECK(refused.error().hint.find("tc qdisc del dev eth0 root") != std::string::npos);
    CHECK(texts({"eth0", {}, {}}, found).empty());
    FoundShape device;
    device.ifb_foreign = true;
    CHECK_FALSE(plan_shape(wanted(read(kConfig)), device));
}

TEST_CASE("presets are configurations") {
    REQUIRE(preset_names().size() == 3);
    for (const std::string &name : preset_names()) {
        const auto config = parse_config(*preset_config(name), name);
        INFO(name << (config ? "" : config.error().message));
        REQUIRE(config);
        double percent = 0;
        for (const ShapeClass &one : config->shape.classes)
            percent += one.rate.percent;
        CHECK(percent == 100);
        for (const Rule &rule : config->rules) {
            const auto names = [&](const auto &one) {
                return classid_of(*config, one.name) == rule.classid;
            };
            CHECK(std::ranges::any_of(config->shape.classes, names));
        }
    }
    CHECK_FALSE(preset_config("palace"));
}

TEST_CASE("the commands of tc say the same") {
    const Tree tree = *wanted(read(kConfig)).up;
    const Texts all = tc_commands(tree, "eth0");
    REQUIRE(all.size() == 9);
    CHECK(all[0] == "tc qdisc add dev eth0 root handle 1: htb default 0x40 r2q 27703");
    CHECK(all[2] ==
          "tc class add dev eth0 parent 1:1 classid 1:10 htb rate 2mbit ceil 50mbit prio 1 "
          "quantum 1514 burst 3200b cburst 62500b");
    CHECK(ifb_name("enp0s31f6mgmt0") == "l7-enp0s31f6mgm");
}
