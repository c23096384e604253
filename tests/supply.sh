#!/usr/bin/env bash
# What comes into the tree, and what goes out of it: licences and bans (deny.toml), every feature of core by itself, the oldest
# compiler, packages, documentation. What cannot be done here is said, and is no failure.
#
#   LDNN_LONG=1 tests/supply.sh   also compiles from the packages
set -uo pipefail
cd "$(dirname "$0")/.."

status=0
out=${CARGO_TARGET_DIR:-target}/supply
say() { printf '%s\n' "$*"; }
fail() { say "FAILED: $*"; status=1; }
skip() { say "skipped: $*"; }

# check NAME COMMAND...: runs it quietly; its output is shown if it fails.
check() {
    local name=$1 text
    shift
    if text=$("$@" 2>&1); then say "$name: ok"; else say "$text"; fail "$name"; fi
}

locks() {
    for manifest in Cargo.toml firmware-example/Cargo.toml; do
        check "$manifest: its lock file is committed and complete" \
            cargo metadata --locked --format-version 1 --manifest-path $manifest
        git ls-files --error-unmatch "$(dirname $manifest)/Cargo.lock" >/dev/null 2>&1 || fail "the lock of $manifest is not committed"
    done
}

deny() {
    if ! command -v cargo-deny >/dev/null; then
        skip "cargo-deny is missing ('cargo install cargo-deny --locked'): advisories; the rest of deny.toml is looked up below"
        return
    fi
    local what="bans licenses sources"
    if cargo deny fetch db >/dev/null 2>&1; then what="advisories $what"; else skip "advisories: their database is out of reach"; fi
    check "cargo deny check $what" cargo deny --workspace check $what
    check "cargo deny check $what, firmware" \
        cargo deny --config "$PWD/deny.toml" --manifest-path firmware-example/Cargo.toml check $what
}

# What deny.toml says of licences, sources and second versions, without cargo-deny.
rules() {
    python3 -c 'import tomllib' 2>/dev/null || { skip "licences, sources and second versions: Python 3.11 is missing"; return; }
    for manifest in Cargo.toml firmware-example/Cargo.toml; do
        check "licences, sources, second versions of $manifest" python3 - $manifest <<'PY'
import collections, os, re, subprocess, sys, tomllib
rules = tomllib.load(open("deny.toml", "rb"))
allowed, skipped = set(rules["licenses"]["allow"]), {s["crate"] for s in rules["bans"]["skip"]}
tree = subprocess.check_output(["cargo", "tree", "--locked", "--manifest-path", sys.argv[1], "--workspace", "--all-features",
                                "--target", "all", "--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"], text=True)
wrong, versions = set(), collections.defaultdict(set)
def fine(licence):
    # "/" is the old way to write OR; an exception takes nothing away.
    plain = re.sub(r" WITH [\w.-]+", "", licence.replace("/", " OR "))
    words = re.sub(r"[\w.+-]+", lambda w: {"OR": "or", "AND": "and"}.get(w[0], str(w[0] in allowed)), plain)
    return eval(words, {"__builtins__": {}})
for line in sorted(set(tree.splitlines()) - {""}):
    package, licence = line.split("|")
    name, version = package.split()[:2]
    versions[name].add(version[1:])
    if not fine(licence or "none"):
        wrong.add(f"{name} {version}: the licence {licence} is not allowed")
for name, all in versions.items():
    if len(all) > 1 and sum(f"{name}@{v}" not in skipped for v in all) > 1:
        wrong.add(f'{name}: there are {", ".join(sorted(all))}')
for source in re.findall(r'^source = "(.*)"', open(os.path.join(os.path.dirname(sys.argv[1]), "Cargo.lock")).read(), re.M):
    if source != "registry+https://github.com/rust-lang/crates.io-index":
        wrong.add(f"a crate comes from {source}")
print("\n".join(sorted(wrong)))
sys.exit(bool(wrong))
PY
    done
}

# The bans of deny.toml, without cargo-deny.
banned() {
    local names
    names=$(sed -n 's/^ *{ crate = "\([^"]*\)", reason.*/\1/p' deny.toml | grep -v @)
    [ -n "$names" ] || fail "no bans in deny.toml"
    for name in $names; do
        for lock in Cargo.lock firmware-example/Cargo.lock; do
            grep -q "^name = \"$name\"\$" $lock && fail "$name is banned (deny.toml), but in $lock"
        done
    done
    say "banned crates: none of" $names
}

# Each feature alone, none, and all; for this machine and for one without std.
features() {
    local all target
    all=$(sed -n '/^\[features\]/,/^\[/s/^\([a-z]*\) = .*/\1/p' core/Cargo.toml)
    [ "$(wc -w <<<"$all")" -ge 2 ] || fail "the features of core were not found"
    for set in "" $all "$(tr '\n' ',' <<<"$all")"; do
        check "core with '$set'" cargo clippy --quiet --package ldnn-core --no-default-features --features "$set" -- -D warnings
        for target in thumbv6m-none-eabi thumbv7em-none-eabihf; do
            if rustup target list --installed 2>/dev/null | grep -qx $target; then
                # There is no standard library there.
                case ",$set," in *,std,*) continue ;; esac
                check "core with '$set' for $target" cargo check --quiet --package ldnn-core --no-default-features \
                    --features "$set" --target $target
            else
                skip "core with '$set' for $target: 'rustup target add $target'"
            fi
        done
    done
}

# Every dependency says that it needs no newer compiler than we promise; and what of that compiler is here says the same.
oldest() {
    local promised
    promised=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    command -v python3 >/dev/null && check "no dependency needs a newer compiler than $promised" python3 - "$promised" <<'PY'
import json, subprocess, sys
number = lambda v: tuple(int(x) for x in v.split("."))
tree = json.loads(subprocess.check_output(["cargo", "metadata", "--locked", "--format-version", "1"]))
newer = [f'{p["name"]} {p["version"]}: {p["rust_version"]}' for p in tree["packages"]
         if p["rust_version"] and number(p["rust_version"])[:2] > number(sys.argv[1])]
silent = sum(not p["rust_version"] for p in tree["packages"])
print("\n".join(newer), f'({silent} of {len(tree["packages"])} do not say)')
sys.exit(bool(newer))
PY
    command -v python3 >/dev/null || skip "what compiler the dependencies need: python3 is missing"
    if rustup run "$promised" rustc -V >/dev/null 2>&1 || rustup toolchain install "$promised" --profile minimal >/dev/null 2>&1; then
        check "core compiles with $promised" cargo "+$promised" check --quiet --locked -p ldnn-core --features image
        check "all compiles with $promised" cargo "+$promised" check --quiet --locked -p ldnn --target-dir "$out/oldest"
    else
        skip "compiling with $promised: it cannot be installed here; clippy has compared the standard library's functions with it"
    fi
}

packages() {
    local verify="--no-verify" text included
    [ -n "${LDNN_LONG:-}" ] && verify=""
    if text=$(cargo package -p ldnn-core -p ldnn --allow-dirty --locked $verify --target-dir "$out/package" 2>&1); then
        if grep -q "^warning" <<<"$text"; then say "$text"; fail "packages with warnings"; else say "packages of ldnn-core and ldnn: ok"; fi
    else
        say "$text"
        fail "packages"
    fi
    for file in core/Cargo.toml host/Cargo.toml; do
        for key in description license documentation readme keywords categories rust-version; do
            grep -q "^$key[ .]" $file || fail "$file has no $key"
        done
    done
    # Without compiling them: what the sources include must be in the package.
    for crate in core host; do
        included=$(cd $crate && cargo package --allow-dirty --list 2>/dev/null)
        grep -rnoE 'include_(str|bytes)!\("[^"]*"' $crate/src | sed 's/:[0-9]*:.*("/ /; s/"$//' | while read -r from file; do
            grep -qxF "$(realpath --relative-to=$crate "$(dirname "$from")/$file")" <<<"$included" ||
                { say "FAILED: $from includes $file, which the package has not"; exit 1; }
        done || status=1
    done
}

documentation() {
    check "documentation of core as docs.rs builds it" \
        env RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --package ldnn-core --features image
    local module
    # Every public module shows how it is used; the root does in its README. `device` and its
    # `table` are folders whose modules others hand on.
    for module in $(sed -n 's/^pub mod \(.*\);/\1/p' core/src/lib.rs core/src/device/mod.rs core/src/device/table/mod.rs | grep -vx table) table; do
        find core/src \( -path "*/$module.rs" -o -path "*/$module/mod.rs" \) -exec grep -q '^//! ```' {} \; -print | grep -q . ||
            fail "module $module of core has no example in its documentation"
    done
}

case ${1:-all} in
all) locks; deny; rules; banned; features; oldest; packages; documentation ;;
*) "$1" ;;
esac
exit $status
