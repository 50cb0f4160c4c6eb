# Sourced by packaging/run and packaging/test: what a fresh Debian 12 needs before anything can be built.
# shellcheck shell=bash

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' plain=''
fi

say() { printf '%s\n' "${bold}==>${plain} $*"; }

# Says what is wrong, in one sentence, and ends with status 1.
fail() {
    printf '%s\n' "${red}${bold}==>${plain} $*" >&2
    exit 1
}

# step DESCRIPTION COMMAND...: says what is done, does it, says how long it took. Ends the script if it fails.
step() {
    local description=$1 start status=0
    shift
    say "$description"
    start=$(date +%s)
    "$@" || status=$?
    local seconds=$(($(date +%s) - start))
    if [ "$status" -ne 0 ]; then
        printf '%s\n' "    ${red}failed${plain} after ${seconds} s: $*" >&2
        return "$status"
    fi
    printf '%s\n' "    ${dim}done in ${seconds} s${plain}"
}

# Swift 6.3 or newer must be there.
require_swift() {
    command -v swift >/dev/null 2>&1 ||
        fail "There is no Swift here. Install Swift 6.3 or newer (https://www.swift.org/install/linux/debian/12/) and" \
            "put its usr/bin into PATH."
    local version major minor
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] || fail "\"swift --version\" does not say a version; is the toolchain whole?"
    IFS=. read -r major minor _ <<<"$version"
    if [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "${minor:-0}" -lt 3 ]; }; then
        fail "This is Swift $version, and Hookline needs 6.3 or newer (https://www.swift.org/install/linux/debian/12/)."
    fi
}

# install_packages PACKAGE...: installs those that are missing; says nothing if none is.
install_packages() {
    local missing=() package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    command -v apt-get >/dev/null 2>&1 ||
        fail "These Debian packages are needed, and there is no apt-get to install them with: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            fail "These packages are missing, and neither root nor sudo is at hand: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    step "Installing ${missing[*]}" apt_install "${missing[@]}"
}

apt_install() {
    local log
    log=$(mktemp)
    # The lists may be older than the archive: they are read again only if what is there does not do.
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "$@" >"$log" 2>&1; then
        "${as_root[@]}" apt-get update >"$log" 2>&1 &&
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get install --yes --no-install-recommends "$@" >>"$log" 2>&1 || {
            cat "$log" >&2
            rm -f "$log"
            return 1
        }
    fi
    rm -f "$log"
}

# What the build links with.
install_build_packages() {
    install_packages binutils ca-certificates git libc-ares-dev libc6-dev libssl-dev libstdc++-12-dev libsystemd-dev pkg-config
}

# Builds what is installed: one executable with the Swift runtime in it, without symbols, at a place that the loader
# chooses, with nothing writable that need not be, and without this machine's paths. The tests, packaging/run and the
# Debian package all take this one. build_release [PRODUCT]: hookline, if none is named.
build_release() {
    swift build --package-path "$repository" --scratch-path "$repository/.build-release" -c release \
        --static-swift-stdlib --disable-local-rpath --product "${1:-hookline}" \
        -Xlinker --gc-sections -Xlinker --no-export-dynamic -Xlinker -s \
        -Xlinker -z -Xlinker relro -Xlinker -z -Xlinker now \
        -Xswiftc -file-prefix-map -Xswiftc "$repository=." -Xcc "-ffile-prefix-map=$repository=." \
        -Xcc -fstack-protector-strong
}

release_executable="$repository/.build-release/release/hookline"
debug_executable="$repository/.build-debug/debug/hookline"
