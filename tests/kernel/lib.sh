# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What the steps share. Runs in the guest: dash and busybox.

# step NAME NEEDED COMMAND...: runs COMMAND, prints `STEP NAME ok|failed`; `missing` without the file NEEDED (or -).
step() {
    step_name=$1 step_needed=$2
    shift 2
    if [ "$step_needed" != - ] && [ ! -e "$step_needed" ]; then
        echo "STEP $step_name missing"
        return
    fi
    echo "--- $step_name"
    # In the background because a command that is tested (`if (...)`) ignores `set -e`, which is to end the step here.
    (
        set -e
        "$@"
    ) &
    step_verdict=failed
    wait $! && step_verdict=ok
    [ "$step_verdict" = ok ] || daemon_log
    tidy
    echo "STEP $step_name $step_verdict"
}

# What a step may leave, gone before the next one, whether it failed or not.
tidy() {
    {
        killall l7ctl httpd
        wait_until 10 no_process l7ctl httpd || killall -9 l7ctl httpd
        ip link del v0
        ip netns del peer
        rm -rf /sys/fs/bpf/* /run/l7ctl*
    } >/dev/null 2>&1
    true
}

daemon_log() {
    for log in /run/l7ctl/*.log; do
        [ ! -e "$log" ] || sed 's/^/    daemon: /' "$log"
    done
}

no_process() {
    ! pidof "$@" >/dev/null
}

# wait_until SECONDS COMMAND...
wait_until() {
    wait_tries=$(($1 * 5))
    shift
    until "$@"; do
        wait_tries=$((wait_tries - 1))
        [ "$wait_tries" -gt 0 ] || return 1
        sleep 0.2
    done
}

# No command of ours may hang the guest: the steps after it shall still be seen.
limited() {
    timeout 60 "$@"
}

# kernel_is MAJOR MINOR: this kernel is at least that one.
kernel_is() {
    kernel_rest=$(uname -r)
    kernel_major=${kernel_rest%%.*} kernel_rest=${kernel_rest#*.}
    kernel_minor=${kernel_rest%%[!0-9]*}
    [ "$kernel_major" -gt "$1" ] || { [ "$kernel_major" -eq "$1" ] && [ "$kernel_minor" -ge "$2" ]; }
}

# v0 here (192.0.2.1, 2001:db8::1), its other end in the namespace `peer` (.2, ::2), which serves HTTP.
lab_up() {
    ip netns add peer
    ip link add v0 type veth peer name v1 netns peer
    ip addr add 192.0.2.1/24 dev v0
    ip addr add 2001:db8::1/64 dev v0 nodad
    ip link set v0 up
    ip -n peer addr add 192.0.2.2/24 dev v1
    ip -n peer addr add 2001:db8::2/64 dev v1 nodad
    ip -n peer link set v1 up
    mkdir -p /tmp/www
    echo hello >/tmp/www/index.html
    ip netns exec peer httpd -h /tmp/www -p 80
    wait_until 20 fetch 192.0.2.2
    wait_until 20 fetch '[2001:db8::2]'
}

fetch() {
    timeout 5 wget -q -O /dev/null "http://$1/"
}
