# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion as it comes from the program, in a real bash and a real zsh."""

import os
import pty
import re
import select
import subprocess
from pathlib import Path

from support.l7ctl import REPOSITORY, binary
from support.netlab import Lab, check, expect_equal, expect_in, run, wait_for
from support.runner import main

# Completes the last of the words as bash does: the function gets command, current and previous word.
BASH = r"""
set -u
. "$1"
shift
complete -p l7ctl >/dev/null || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_l7ctl l7ctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
"""


def script(lab, shell, name):
    path = Path(lab.dir, name)
    path.write_bytes(run([binary(), "completion", shell]).stdout)
    return path


def test_bash():
    with Lab() as lab:
        completion = script(lab, "bash", "l7ctl.bash")
        Path(lab.dir, "some.pcap").touch()
        Path(lab.dir, "somewhere").mkdir()
        tools = Path(lab.dir, "bin")
        tools.mkdir()
        (tools / "l7ctl").symlink_to(binary())

        def offers(*words):
            done = run(["bash", "--norc", "-c", BASH, "bash", completion, "l7ctl", *words], cwd=lab.dir,
                       env=lab.environment({"PATH": f"{tools}:/usr/bin:/bin", "L7CTL_PATTERNS": str(REPOSITORY / "patterns")}))
            expect_equal(done.stderr, b"", f"what bash complains of at {words}")
            return done.stdout.decode().split()

        for name in ("attach", "flows", "shape", "classify", "doctor"):
            expect_in(name, offers(""), "commands")
        check("completion" not in offers(""), "the hidden command is offered")
        expect_equal(offers("sta"), ["status", "stats"], "commands by their beginning")
        expect_equal(offers("-j", "--net"), ["--netns"], "options after an option")
        expect_equal(sorted(offers("--config", "so")), ["some.pcap", "somewhere"], "files")
        host = lab.namespace("host")
        expect_equal(offers("-n", host.name), [host.name], "network namespaces")
        expect_equal(offers("-c", "x", "det"), ["detach"], "a command after an option with a value")
        expect_equal(offers("-c", "flows", "pro"), ["protocols"], "a value that looks like a command")
        expect_equal(offers("attach", ""), ["dev", "ingress", "egress", "both", "head", "tail", "xdp"],
                     "words of attach")
        expect_in("lo", offers("attach", "dev", ""), "devices")
        expect_in("export", offers("flows", ""), "words of flows")
        expect_equal(sorted(offers("flows", "import", "so")), ["some.pcap", "somewhere"], "files of flows")
        expect_equal(offers("attach", "dev", "eth0", "i"), ["ingress"], "hooks")
        expect_equal(offers("flows", "r"), ["reason"], "filters")
        expect_equal(offers("flows", "reason", "d"), ["dissector", "dns-hint"], "reasons")
        expect_equal(offers("flows", "l4", "icmp"), ["icmp", "icmpv6"], "transports")
        expect_equal(offers("flows", "protocol", "ssh"), ["ssh"], "protocols")
        expect_equal(offers("flows", "port", ""), [], "ports")
        expect_equal(offers("stats", "by", "a"), ["application"], "words of stats")
        expect_equal(offers("bypass", ""), ["on", "off"], "words of bypass")
        expect_equal(offers("classify", "--tunnels", "g"), ["gre", "gtp-u"], "tunnels")
        expect_equal(offers("classify", "--patterns", "so"), ["somewhere"], "directories")
        expect_equal(offers("classify", "some."), ["some.pcap"], "captures")
        expect_equal(offers("shape", ""), ["apply", "show", "clear"], "commands of shape")
        expect_equal(offers("shape", "apply", "--preset", "h"), ["home-gateway"], "presets")
        expect_equal(offers("shape", "apply", "--p"), ["--preset", "--print"], "options of shape apply")


class Zsh:
    """An interactive zsh in a pseudo-terminal, with nobody's configuration."""

    def __init__(self, lab):
        self.master, slave = pty.openpty()
        env = lab.environment({"TERM": "dumb", "ZDOTDIR": str(lab.dir)})
        self.popen = subprocess.Popen(["zsh", "-f", "-i"], stdin=slave, stdout=slave, stderr=slave, env=env,
                                      cwd=lab.dir, start_new_session=True)
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.kill()
        self.popen.wait()
        os.close(self.master)

    def type(self, keys, until):
        """Sends keys and reads until the pattern shows; returns what was read."""
        os.write(self.master, keys.encode())
        seen = ""

        def shows():
            nonlocal seen
            if select.select([self.master], [], [], 0)[0]:
                seen += os.read(self.master, 65536).decode(errors="replace")
            return re.search(until, seen)

        wait_for(shows, lambda: f"{until!r} from zsh after {keys!r}, which says {seen!r}")
        return seen


def test_zsh():
    with Lab() as lab:
        functions = Path(lab.dir, "functions")
        functions.mkdir()
        completion = script(lab, "zsh", "functions/_l7ctl")
        run(["zsh", "-n", completion])
        with Zsh(lab) as zsh:
            zsh.type(f"PS1='%% ' LISTMAX=1000 fpath=({functions} $fpath); autoload -Uz compinit; compinit -u -D; "
                     "unsetopt beep; print loaded $_comps[l7ctl]\n", r"\nloaded _l7ctl")
            for typed, completed in (("l7ctl det", "detach "), ("l7ctl attach d", "dev "), ("l7ctl bypass of", "off "),
                                     ("l7ctl -j flows rea", "reason "), ("l7ctl flows reason mid", "mid-stream "),
                                     ("l7ctl shape ap", "apply "), ("l7ctl shape apply --prese", "--preset "),
                                     ("l7ctl shape apply --preset sm", "small-office ")):
                zsh.type(f"{typed}\t", re.escape(typed.rpartition(" ")[0] + " " + completed))
                zsh.type("\x15", "")
            listed = zsh.type("l7ctl sta\t\t", "(?s)stats.*-- packets")
            expect_in("devices, counters, workers", listed, "descriptions")


main(test_bash, test_zsh)
