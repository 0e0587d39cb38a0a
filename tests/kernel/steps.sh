#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The steps scripts/kernel-matrix takes in each kernel. To add one: a function here, its line at the end of the file,
# and, if it needs a file of the host, that file in `payload` of scripts/kernel-matrix.

# shellcheck source=tests/kernel/lib.sh
. /tests/lib.sh

# One pattern: to compile all of them takes a minute or more under emulation, the same in every kernel. (They are in
# /usr/share/l7ctl/patterns for a step that wants them.)
export L7CTL_PATTERNS=/tests/patterns

mounts() {
    mount -t proc proc /proc
    mount -t sysfs sys /sys
    mount -t bpf bpf /sys/fs/bpf
    mount -t debugfs debug /sys/kernel/debug
    mount -t cgroup2 cgroup /sys/fs/cgroup
    ip link set lo up
    # Kernel messages could break into a STEP line; what is worse than a warning may.
    dmesg -n 4
    uname -r
}

# In the order modprobe gave. What this kernel has built in or lacks is not in the list; the host names what it lacks.
modules() {
    not_loaded=
    while read -r module; do
        insmod "/modules/$module" || not_loaded="$not_loaded $module"
    done </modules/order
    [ -z "$not_loaded" ]
}

seen_packets() {
    bpftool -j map lookup pinned /sys/fs/bpf/maps/seen key 0 0 0 0 | grep -q '"formatted":.*"value":[1-9]'
}

# BPF, BTF, bpffs, veth, namespaces and clsact, without l7ctl.
sanity() {
    test -s /sys/kernel/btf/vmlinux
    lab_up
    bpftool prog load /tests/sanity.bpf.o /sys/fs/bpf/sanity type classifier pinmaps /sys/fs/bpf/maps
    tc qdisc add dev v0 clsact
    tc filter add dev v0 ingress bpf da object-pinned /sys/fs/bpf/sanity
    bpftool net show dev v0
    fetch 192.0.2.2
    seen_packets
}

# The same at TCX, where the kernel has it.
sanity_tcx() {
    lab_up
    bpftool prog load /tests/sanity.bpf.o /sys/fs/bpf/sanity type classifier pinmaps /sys/fs/bpf/maps
    bpftool net attach tcx_ingress pinned /sys/fs/bpf/sanity dev v0
    bpftool net show dev v0
    fetch 192.0.2.2
    seen_packets
}

programs_on_v0() {
    bpftool net show dev v0 | grep -E "^v0\([0-9]+\) ${1:-(tcx|clsact)}/"
}

http_flow_to() {
    limited l7ctl flows -j >/tmp/flows
    grep -F "\"$1\"" /tmp/flows | grep -q '"protocol":"http"'
}

# live tcx|clsact: l7ctl on a device with real traffic, attached that way, and nothing of it after `detach`.
live() {
    lab_up
    tc qdisc show dev v0 >/tmp/qdisc_before
    limited l7ctl attach dev v0
    programs_on_v0 "$1"
    fetch 192.0.2.2
    fetch '[2001:db8::2]'
    wait_until 20 http_flow_to 192.0.2.2 || { cat /tmp/flows; return 1; }
    wait_until 20 http_flow_to 2001:db8::2 || { cat /tmp/flows; return 1; }
    cat /tmp/flows
    limited l7ctl status
    # All of them have it, and the verifier took our programs with it.
    limited l7ctl status -j | grep -q '"by": *"kfunc"'
    limited l7ctl detach dev v0
    if programs_on_v0; then
        return 1
    fi
    tc qdisc show dev v0 | diff /tmp/qdisc_before -
}

live_clsact() {
    export L7CTL_ATTACH=clsact
    live clsact
}

# Below the oldest kernel we support, l7ctl says so (3: lacking privilege or kernel feature) and leaves no program.
refusal() {
    lab_up
    status=0
    limited l7ctl attach dev v0 2>/tmp/error || status=$?
    echo "exit code $status"
    cat /tmp/error
    [ "$status" -eq 3 ]
    grep -qE 'kernel|Linux [0-9]' /tmp/error
    if programs_on_v0; then
        return 1
    fi
}

step mounts - mounts
step modules - modules
step sanity - sanity
if kernel_is 6 6; then
    step sanity-tcx - sanity_tcx
fi
if kernel_is 6 1; then
    step bpf_tests /usr/bin/bpf_tests timeout 200 bpf_tests --colour-mode none
    if kernel_is 6 6; then
        step live /usr/bin/l7ctl live tcx
    else
        step live /usr/bin/l7ctl live clsact
    fi
    step live-clsact /usr/bin/l7ctl live_clsact
else
    step refusal /usr/bin/l7ctl refusal
fi
