# What the recipes share: an environment with a package, and the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
place=out/recipes
mkdir -p "$place"

# python_with MODULE [ARGUMENT...]: makes the environment once, and installs the module's package (pip's arguments, if it has another name).
python_with() {
    local module=$1
    [ $# = 1 ] || shift
    [ -x "$place/python/bin/python" ] || python3 -m venv "$place/python"
    "$place/python/bin/python" -c "import $module" 2>/dev/null || "$place/python/bin/pip" install --quiet "$@"
    python=$place/python/bin/python
}

ldnn() {
    if [ -n "${LDNN:-}" ]; then "$LDNN" "$@"; else cargo run --quiet --release -- "$@"; fi
}
