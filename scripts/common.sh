# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the scripts share: installing packages. Sourced from the repository's root, which its users know:
# shellcheck disable=SC2034

build_packages=(
    build-essential clang cmake ninja-build pkg-config
    libbpf-dev bpftool libelf-dev zlib1g-dev libhyperscan-dev libpcre2-dev libnghttp2-dev libnl-3-dev libnl-route-3-dev
    libpcap-dev libncurses-dev
    libcli11-dev libtomlplusplus-dev libfmt-dev nlohmann-json3-dev libssl-dev
    prometheus-cpp-dev libcivetweb-dev libfixbuf-dev libhiredis-dev
)
# For manual pages and the Debian package, besides.
package_packages=(lowdown file)

die() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

installed() { # PACKAGE
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

at_least() { # PACKAGE VERSION
    installed "$1" && dpkg --compare-versions "$(dpkg-query -W -f '${Version}' "$1" | sed 's/^[0-9]*://')" ge "$2"
}

# bookworm-backports from wherever this machine gets bookworm, in an apt source file of our own.
add_backports() {
    local file=/etc/apt/sources.list.d/l7ctl-backports.sources archive
    [[ ! -e $file ]] || return 0
    # shellcheck disable=SC2016 # apt's own variables
    archive=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
    [[ $archive ]] || die "apt knows no archive of bookworm; run apt-get update, or install libbpf >= 1.4 and Catch2 3"
    cat >"$file" <<EOF
Types: deb
URIs: $archive
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
EOF
    apt-get -qq update
}

# Services that a package brings are not wanted: the lab starts its own copies.
quietly() {
    local policy=/usr/sbin/policy-rc.d mine=0 code=0
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        mine=1
    fi
    "$@" || code=$?
    ((mine == 0)) || rm -f "$policy"
    return "$code"
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" \
        </dev/null >/dev/null
}

# Installs what of the packages is missing. libbpf, bpftool and Catch2 must be newer than bookworm has them.
install_packages() {
    local package missing=() old=()
    for package in "$@"; do
        case $package in
        libbpf-dev) at_least libbpf-dev 1.4 || old+=(libbpf-dev libbpf1) ;;
        bpftool) at_least bpftool 7.5 || old+=(bpftool) ;;
        catch2) at_least catch2 3 || old+=(catch2) ;;
        *) installed "$package" || missing+=("$package") ;;
        esac
    done
    ((${#missing[@]} + ${#old[@]})) || return 0
    ((EUID == 0)) || die "not installed: ${missing[*]} ${old[*]}; run it with sudo"
    apt-get -qq update
    if ((${#old[@]})); then
        if ! apt-cache policy libbpf-dev | grep -qE '^ +(\*\*\* )?1:1\.([4-9]|[1-9][0-9])'; then
            add_backports
        fi
        quietly apt_install -t bookworm-backports "${old[@]}" 2>/dev/null || quietly apt_install "${old[@]}"
    fi
    ((${#missing[@]} == 0)) || quietly apt_install "${missing[@]}"
}
