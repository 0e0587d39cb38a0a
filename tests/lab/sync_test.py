# SPDX-License-Identifier: GPL-2.0-or-later
"""Replication between nodes over real redis-servers, and what may happen to them: nothing is lost, nothing wrong."""

import threading
import time

from support import netlab
from support.l7ctl import REPOSITORY, L7ctl
from support.netlab import Lab, NotTestable, check, expect_equal, expect_in, run, wait_for
from support.runner import main
from support.sync_lab import Fleet, SyncNode, SyncRedis, filter_packets, heal

SECONDS = 75
MANY = 100_000
LIMIT = 60.0  # for so many


def has_all(node, peer, *runs):
    """Waits until the node's cache of a peer has these runs of (count, version, offset), and nothing else."""
    count = sum(run_[0] for run_ in runs)

    def complete():
        return node.of(peer)["flows"] == count and node.committed_wrong(peer, *runs) == 0

    wait_for(complete, lambda: f"{node.name} to have {peer.name}'s {count} flows: {node.of(peer)}", LIMIT)


def nodes_have_everything(count, flows):
    with Lab() as lab:
        nodes = Fleet(lab, count).start()
        for node in nodes:
            node.flows(flows)
        for node in nodes:
            for peer in nodes:
                if peer is not node:
                    has_all(node, peer, (flows, 1, 0))
            node.ask("clear")
            done = node.ask("commit")
            expect_equal((done["flows"], done["entered"]), ((count - 1) * flows,) * 2, f"{node.name}'s commit of all")
            expect_equal([peer["lost"] for peer in node.status()["external"]], [0] * (count - 1), "lost")


def test_three_nodes_have_everything():
    nodes_have_everything(3, MANY // 2)


def test_five_nodes_have_everything():
    nodes_have_everything(5, MANY // 5)


def test_three_nodes_with_one_redis():
    with Lab() as lab:
        fleet = Fleet(lab, 3)
        fleet.shared = True
        nodes = fleet.start()
        for node in nodes:
            node.flows(5000)
        for node in nodes:
            for peer in nodes:
                if peer is not node:
                    has_all(node, peer, (5000, 1, 0))


def test_flows_that_change_and_end():
    with Lab() as lab:
        a, b = Fleet(lab, 2).start()
        a.flows(1000)
        a.flows(500, version=2)
        a.ask(f"ended {a.first + 900} 100")
        has_all(b, a, (500, 2, 0), (400, 1, 500))
        expect_equal(int(a.redis.cli("HLEN", "l7ctl:{a}:flows")), 901, "fields of the hash, with its epoch")
        a.ask(f"ended {a.first} 900")
        wait_for(lambda: b.of(a)["flows"] == 0, "the end of all flows")
        expect_equal(b.of(a)["bytes"], 0, "bytes of the cache")


def test_direct_mode_needs_no_commit():
    with Lab() as lab:
        a, b = Fleet(lab, 2, options=["--direct"]).start()
        a.flows(5000)
        wait_for(lambda: b.wrong(a, 5000) == 0, "the flows in the table")
        a.flows(5000, version=3)
        wait_for(lambda: b.wrong(a, 5000, 3) == 0, "their changes")
        a.ask(f"ended {a.first} 5000")
        wait_for(lambda: b.ask("table") == 0, "their end")
        expect_equal(b.ask("commit")["flows"], 0, "flows that a commit finds")


def test_the_owner_of_a_flow_knows_better():
    """What a node has from another and never saw itself is told of, but does not win over what its owner says."""
    with Lab() as lab:
        a, b, c = Fleet(lab, 3).start()
        a.flows(1000, version=2)
        has_all(c, a, (1000, 2, 0))
        b.ask(f"untouched {a.first} 2000 1")  # half of them a has no more
        b.ask("resync")
        wait_for(lambda: c.of(b)["flows"] == 2000, "c to have b's")
        c.ask("clear")
        expect_equal(c.ask("commit")["entered"], 2000, "flows of either")
        expect_equal(c.wrong(a, 1000, 2) + c.wrong(a, 1000, 1, offset=1000), 0, "wrong flows")
    with Lab() as lab:
        a, b = Fleet(lab, 2, options=["--direct"]).start()
        b.ask(f"untouched {a.first} 1000 1")
        b.flows(10)
        b.ask("resync")
        wait_for(lambda: a.wrong(b, 10) == 0, "b's own")
        expect_equal(a.ask("table"), 10, "flows in a's table: none that it told b of itself")


def redis_killed(*config, keeps):
    with Lab() as lab:
        a, b = Fleet(lab, 2, redis=config).start()
        a.flows(MANY)
        has_all(b, a, (MANY, 1, 0))
        a.redis.kill()
        wait_for(lambda: not a.status()["internal"]["up"], "a to notice")
        a.flows(MANY // 4, version=2)
        a.ask(f"ended {a.first + MANY - 1000} 1000")
        expect_equal(b.committed_wrong(a, (MANY, 1, 0)), 0, "wrong flows of what b has while Redis is gone")
        a.redis.again()
        if keeps:
            expect_equal(int(a.redis.cli("EXISTS", "l7ctl:{a}:flows")), 1, "the hash that Redis kept")
        has_all(b, a, (MANY // 4, 2, 0), (MANY - MANY // 4 - 1000, 1, MANY // 4))
        check(a.status()["internal"]["resyncs"] >= 2, "all was not written anew")


def test_redis_killed_and_restarted_empty():
    redis_killed("appendonly no", keeps=False)


def test_redis_killed_and_restarted_with_an_old_file():
    redis_killed("appendonly yes", "appendfsync everysec", keeps=True)


def test_hash_removed_by_somebody():
    with Lab() as lab:
        a, b = Fleet(lab, 2).start()
        a.flows(10_000)
        has_all(b, a, (10_000, 1, 0))
        a.redis.cli("FLUSHALL")
        a.flows(10, version=2)
        has_all(b, a, (10, 2, 0), (9990, 1, 10))


def test_a_partition_of_ten_seconds():
    with Lab() as lab:
        a, b = Fleet(lab, 2).start()
        a.flows(MANY)
        has_all(b, a, (MANY, 1, 0))
        filter_packets(b.namespace, "drop")
        until = time.monotonic() + 10
        wait_for(lambda: b.of(a)["state"] == "unreachable", "b to notice")
        a.flows(MANY // 2, version=2)
        wait_for(lambda: b.of(a)["lag_ms"] > 1000, "a lag to be told")
        wait_for(lambda: time.monotonic() > until, "ten seconds")
        expect_equal(b.of(a)["flows"], MANY, "flows that b keeps meanwhile")
        heal(b.namespace)
        has_all(b, a, (MANY // 2, 2, 0), (MANY // 2, 1, MANY // 2))


def test_a_short_partition_resumes_where_it_was():
    with Lab() as lab:
        a, b = Fleet(lab, 2).start()
        a.flows(10_000)
        has_all(b, a, (10_000, 1, 0))
        resyncs = b.of(a)["resyncs"]
        filter_packets(b.namespace, "drop")
        wait_for(lambda: b.of(a)["state"] == "unreachable", "b to notice")
        a.flows(1000, version=2)
        heal(b.namespace)
        has_all(b, a, (1000, 2, 0), (9000, 1, 1000))
        expect_equal(b.of(a)["resyncs"], resyncs, "full reads")
        expect_equal(b.of(a)["lost"], 0, "lost")


def test_a_trimmed_stream_is_noticed():
    """More changes during a partition than the stream goes back: the hash is read instead."""
    with Lab() as lab:
        a, b = Fleet(lab, 2).start()
        a.flows(1000)
        has_all(b, a, (1000, 1, 0))
        resyncs = b.of(a)["resyncs"]
        filter_packets(b.namespace, "drop")
        wait_for(lambda: b.of(a)["state"] == "unreachable", "b to notice")
        for version in range(2, 6):
            a.flows(MANY, version=version)
            wait_for(a.sent, "a to have sent all")
        heal(b.namespace)
        has_all(b, a, (MANY, 5, 0))
        check(b.of(a)["lost"] > 0, "nobody noticed that the stream was trimmed")
        check(b.of(a)["resyncs"] > resyncs, "no full read")


def retransmitted(namespace):
    """TCP segments that were sent once more."""
    rows = [line.split() for line in namespace.output(["cat", "/proc/net/snmp"]).splitlines() if line.startswith("Tcp:")]
    return int(dict(zip(*rows))["RetransSegs"])


def test_five_percent_loss():
    with Lab() as lab:
        a, b = Fleet(lab, 2).start()
        try:
            for node in (a, b):
                filter_packets(node.namespace, "numgen random mod 100 < 5 drop")
        except netlab.LabError as error:
            raise NotTestable(f"this kernel cannot drop at random: {error}") from None
        for step in range(10):
            a.flows(MANY // 10, offset=step * (MANY // 10))
        has_all(b, a, (MANY, 1, 0))
        # Of requests there are a few dozen, of which none may be lost; of what they bring, more than a hundred segments.
        check(any(retransmitted(node.namespace) > 0 for node in (a, b)), "nothing was lost on the way")


def test_a_node_killed_and_back():
    with Lab() as lab:
        a, b = Fleet(lab, 2).start()
        a.flows(MANY)
        has_all(b, a, (MANY, 1, 0))
        a.kill()
        wait_for(lambda: b.of(a)["state"] == "silent", "b to notice")
        b.ask("clear")
        done = b.ask("commit a")
        expect_equal(done["entered"], MANY, "flows that the takeover entered")
        expect_equal(b.wrong(a, MANY), 0, "wrong flows after it")
        # It comes back with nothing; what Redis has of its earlier life must go.
        a.start()
        a.flows(1000, version=7)
        has_all(b, a, (1000, 7, 0))


def test_a_peer_is_up_while_it_is_read_for_the_first_time():
    """A resync asked for then is waited for, rather than told of as missing."""
    with Lab() as lab:
        a, b = Fleet(lab, 2).start()
        a.flows(MANY)
        wait_for(a.sent, "a to have told all")
        b.kill()
        b.start()
        states = set()

        def complete():
            known = b.of(a)
            if known["flows"] > 0:
                states.add(known["state"])
            return known["flows"] == MANY

        wait_for(complete, "b to have all")
        expect_equal(states, {"up"}, "states of a from the first part on")


def test_a_node_and_its_redis_killed():
    with Lab() as lab:
        a, b = Fleet(lab, 2).start()
        a.flows(MANY)
        has_all(b, a, (MANY, 1, 0))
        a.kill()
        a.redis.kill()
        wait_for(lambda: b.of(a)["state"] == "unreachable", "b to notice")
        expect_equal(b.committed_wrong(a, (MANY, 1, 0)), 0, "wrong flows after the takeover")


def test_one_commit_at_a_time_and_no_flush_meanwhile():
    with Lab() as lab:
        a, b = Fleet(lab, 2).start()
        a.flows(5000)
        has_all(b, a, (5000, 1, 0))
        b.ask("clear")
        b.ask("slow 3000")  # each part of it, until the rest is let go
        first = {}
        thread = threading.Thread(target=lambda: first.update(b.ask("commit")))
        thread.start()
        wait_for(lambda: b.status()["committing"], "the commit to run")
        expect_in("runs already", b.ask("commit").get("error", ""), "the second commit")
        for which in ("external", "internal"):
            expect_in("a commit runs", b.ask(f"flush {which}").get("error", ""), f"flush {which} meanwhile")
        b.ask("slow 0")
        thread.join()
        expect_equal(first["entered"], 5000, "flows that the first entered")
        expect_in("no peer is called x", b.ask("commit x").get("error", ""), "a commit of nobody")
        expect_equal(b.ask("flush external"), True, "a flush afterwards")
        expect_equal(b.of(a)["flows"], 0, "flows after it")
        expect_equal(b.ask("resync"), True, "a resync")
        has_all(b, a, (5000, 1, 0))
        expect_equal(a.ask("flush internal"), True, "a flush of what is ours")
        wait_for(lambda: b.of(a)["flows"] == 0, "b to see that")
        a.ask("resync")
        has_all(b, a, (5000, 1, 0))


def test_memory_is_bounded():
    bound = 1 << 20
    with Lab() as lab:
        fleet = Fleet(lab, 2, options=[f"--memory={bound}"])
        a, b = fleet.start()
        a.redis.kill()
        wait_for(lambda: not a.status()["internal"]["up"], "a to notice")
        a.flows(20_000)
        outbox = a.status()["outbox"]
        check(outbox["dropped"] > 0 and outbox["bytes"] <= bound, f"the outbox's bound: {outbox}")
        a.redis.again()
        wait_for(lambda: int(a.redis.cli("HLEN", "l7ctl:{a}:flows")) == 20_001, "all to be in Redis nevertheless")
        wait_for(lambda: b.of(a)["no_room"] > 0, "b to count what it has no room for")
        check(b.of(a)["bytes"] <= bound and not b.of(a)["complete"], f"the cache's bound: {b.of(a)}")
        a.ask(f"ended {a.first + 2000} 18000")  # what is left fits, and is read again unasked
        has_all(b, a, (2000, 1, 0))


def make_certificates(lab):
    """A CA, and certificates for addresses 1 to 3 and a client, in the lab's directory."""
    def openssl(*words):
        run(["openssl", *words], cwd=lab.dir)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    openssl("req", "-x509", *key, "-subj", "/CN=lab", "-keyout", "ca.key", "-out", "ca.pem")
    for name, last in (("one", 1), ("two", 2), ("client", 200), ("other", 99)):
        openssl("req", "-x509", "-CA", "ca.pem", "-CAkey", "ca.key", *key, "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.pem", "-addext", f"subjectAltName=IP:192.0.2.{last}",
                "-addext", "basicConstraints=critical,CA:FALSE")
    for path in lab.dir.glob("*.key"):
        path.chmod(0o644)  # redis-server sees the lab's directory read-only


# As in l7ctl-sync(7): who writes, and who may only read.
WRITER = "user l7ctl on >secret ~l7ctl:* resetchannels -@all +auth +info +set +exists +time " + \
    "+hset +hdel +hget +hlen +hscan +del +rename +xadd +xtrim +xread +xrevrange +memory|usage"
READER = "user reader on >other %R~l7ctl:* resetchannels -@all +auth +info +exists +time +hscan +xread +xrevrange"


def test_tls_and_an_acl_user():
    with Lab() as lab:
        make_certificates(lab)
        tls = [f"tls-ca-cert-file {lab.dir}/ca.pem", "tls-auth-clients yes", "user default off", WRITER, READER]

        def with_certificate(name):
            return ["port 0", "tls-port 6379", f"tls-cert-file {lab.dir}/{name}.pem",
                    f"tls-key-file {lab.dir}/{name}.key", *tls]

        fleet = Fleet(lab, 2)
        for number, name in enumerate(("one", "two")):
            fleet.redis[number].stop()
            secure = SyncRedis(fleet.namespaces[number], with_certificate(name))
            secure.start()
            fleet.nodes[number].redis = fleet.redis[number] = secure
        (lab.dir / "password").write_text("secret\n")
        (lab.dir / "other").write_text("other\n")
        login = [f"--ca={lab.dir}/ca.pem", f"--cert={lab.dir}/client.pem", f"--key={lab.dir}/client.key",
                 "--user=l7ctl"]
        right = [*login, f"--password-file={lab.dir}/password"]
        for node in fleet.nodes:
            node.options = right
        a, b = fleet.start()
        a.flows(10_000)
        has_all(b, a, (10_000, 1, 0))
        a.ask("resync")
        has_all(b, a, (10_000, 1, 0))
        b.kill()
        b.options = [*right, f"--reader-file={lab.dir}/other"]
        b.start()
        has_all(b, a, (10_000, 1, 0))
        b.kill()

        def refusal(what, *options):
            stranger = SyncNode(fleet, 1, list(options)).start()
            peer = wait_for(lambda: stranger.of(a)["last_error"] and stranger.of(a), f"the refusal of {what}")
            stranger.kill()
            expect_equal(peer["state"], "unreachable", f"the state with {what}")
            check("secret" not in peer["last_error"], "a password is shown")
            return peer["last_error"]

        expect_in("WRONGPASS", refusal("a wrong password", *login, f"--password-file={lab.dir}/other"), "the error")
        expect_in("/nonexistent", refusal("no password file", *login, "--password-file=/nonexistent"), "the error")
        refusal("no client certificate", f"--ca={lab.dir}/ca.pem", *right[3:])
        expect_in("certificate", refusal("another CA", f"--ca={lab.dir}/other.pem", *right[1:]), "the error")
        # A certificate of the same CA, but of another address.
        a.redis.stop()
        SyncRedis(fleet.namespaces[0], with_certificate("other")).start()
        expect_in("IP address mismatch", refusal("another node's certificate", *right), "the error")


CONFIG = """
[metrics]
listen = "127.0.0.1:9817"
[sync]
node = "{node}"
redis = "{own}"
peers = [{{ name = "{peer}", redis = "{other}" }}]
{more}
"""


def test_the_daemon_and_its_commands():
    with Lab() as lab:
        fleet = Fleet(lab, 2)
        a, _ = fleet.nodes
        a.start()
        config = CONFIG.format(node="b", own=fleet.address(1), peer="a", other=fleet.address(0), more="")
        with L7ctl(fleet.namespaces[1], config).start() as l7ctl:
            a.flows(1000)
            wait_for(lambda: l7ctl.json("sync", "status")[0]["external"][0]["flows"] == 1000, "the flows of a")
            expect_in("external a", l7ctl.text("sync", "status"), "the status for people")
            wait_for(lambda: l7ctl.status()["sync"]["external"][0]["flows"] == 1000, "flows in status")
            metrics = wait_for(lambda: "l7ctl_sync_up 1" in (text := l7ctl.text("metrics")) and text, "metrics with replication")
            for line in ('l7ctl_sync_peer_up{peer="a"} 1', 'l7ctl_sync_peer_cache_entries{peer="a",kind="flow"} 1000',
                         'l7ctl_sync_peer_lost_batches_total{peer="a"} 0', "l7ctl_sync_up 1"):
                expect_in(line, metrics, "metrics")
            checked = run(["promtool", "check", "metrics"], stdin=metrics.encode(), check=False)
            expect_equal((checked.returncode, checked.stdout + checked.stderr), (0, b""), "promtool's opinion")
            for words, code, text in ((["commit", "peer", "x"], 1, "no peer is called x"), (["commit", "now"], 2, "now"),
                                      (["flush", "all"], 2, "all"), ([], 2, ""), (["resync", "x"], 2, "")):
                done = l7ctl.run("sync", *words, check=False)
                expect_equal(done.returncode, code, f"exit code of {words}")
                expect_in(text, done.stderr.decode(), f"what {words} says")
            l7ctl.run("sync", "flush", "external")
            expect_equal(l7ctl.json("sync", "status")[0]["external"][0]["flows"], 0, "flows after a flush")
            l7ctl.run("sync", "resync")
            wait_for(lambda: l7ctl.json("sync", "status")[0]["external"][0]["flows"] == 1000, "flows after a resync")
            l7ctl.run("sync", "flush", "internal")
            # A reload with direct mode, then without replication.
            l7ctl.configure(CONFIG.format(node="b", own=fleet.address(1), peer="a", other=fleet.address(0),
                                                  more="direct = true"))
            l7ctl.run("reload")
            expect_in("there is nothing to do", l7ctl.text("sync", "commit", "--peer", "a"), "a commit in direct mode")
            l7ctl.configure("")
            l7ctl.run("reload")
            refused = l7ctl.run("sync", "status", check=False)
            expect_equal(refused.returncode, 1, "exit code without [sync]")
            expect_in("there is no replication here", refused.stderr.decode(), "the error")


def test_the_script_for_keepalived():
    with Lab() as lab:
        calls = lab.dir / "calls"
        stub = lab.dir / "l7ctl"
        stub.write_text(f'#!/bin/sh\necho "$@" >>{calls}\n[ "$2" != commit ] || exit "${{COMMIT:-0}}"\n')
        stub.chmod(0o755)
        script = REPOSITORY / "share/keepalived/l7ctl-sync"
        for words, commit, code, wanted in ((["master"], 0, 0, ["sync commit", "sync resync"]),
                                            (["INSTANCE", "VI_1", "MASTER", "150"], 0, 0, ["sync commit", "sync resync"]),
                                            (["master"], 1, 1, ["sync commit", "sync resync"]),
                                            (["GROUP", "G1", "BACKUP", "100"], 0, 0, ["sync resync"]),
                                            (["fault"], 0, 0, []), (["nonsense"], 0, 2, [])):
            calls.write_text("")
            env = {"PATH": "/usr/bin:/bin", "L7CTL": str(stub), "COMMIT": str(commit)}
            done = run([script, *words], check=False, env=env)
            expect_equal(done.returncode, code, f"exit code of {words}")
            expect_equal(calls.read_text().splitlines(), wanted, f"what {words} does")


main(test_three_nodes_have_everything, test_five_nodes_have_everything, test_three_nodes_with_one_redis,
     test_flows_that_change_and_end, test_direct_mode_needs_no_commit,
     test_the_owner_of_a_flow_knows_better, test_redis_killed_and_restarted_empty,
     test_redis_killed_and_restarted_with_an_old_file, test_hash_removed_by_somebody,
     test_a_partition_of_ten_seconds, test_a_short_partition_resumes_where_it_was, test_a_trimmed_stream_is_noticed,
     test_five_percent_loss, test_a_node_killed_and_back, test_a_peer_is_up_while_it_is_read_for_the_first_time,
     test_a_node_and_its_redis_killed,
     test_one_commit_at_a_time_and_no_flush_meanwhile, test_memory_is_bounded, test_tls_and_an_acl_user,
     test_the_daemon_and_its_commands, test_the_script_for_keepalived)
