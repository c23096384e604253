# What the recipes share: an environment with a package, and the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
place=out/recipes
mkdir -p "$place"

# python_with PACKAGE: makes the environment once, and installs the package.
python_with() {
    [ -x "$place/python/bin/python" ] || python3 -m venv "$place/python"
    "$place/python/bin/python" -c "import $1" 2>/dev/null || "$place/python/bin/pip" install --quiet "$1"
    python=$place/python/bin/python
}

ldnn() {
    if [ -n "${LDNN:-}" ]; then "$LDNN" "$@"; else cargo run --quiet --release -- "$@"; fi
}
