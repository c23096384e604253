#!/usr/bin/env bash
# Opens a report in a real browser (headless Chromium), at the width of a desk and of a phone: no console message, every
# picture there and not empty, nothing wider than the window.
set -euo pipefail
cd "$(dirname "$0")/.."

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
    echo "no Chromium; as root on Debian: apt-get install chromium"
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

[ -n "${LDNN_PROGRAM:-}" ] || cargo build --quiet --package ldnn
"${LDNN_PROGRAM:-target/debug/ldnn}" reproduce fig1 fig3 fig4 fig5 fig6 hessian family --preset smoke --quiet --out "$folder/run" >/dev/null
# A copy that measures itself: the report has no script of its own.
probe='<script>
const seen = [...document.querySelectorAll("figure svg")].map(s => { const b = s.getBoundingClientRect();
  return b.width > 50 \&\& b.height > 50 \&\& s.querySelectorAll("path, circle, rect").length > 3; });
const page = document.documentElement;
document.body.setAttribute("data-found", `pictures ${seen.length} good ${seen.filter(x => x).length} wide ${page.scrollWidth > page.clientWidth}`);
<\/script><\/body>'
sed "s#</body>#${probe//$'\n'/ }#" "$folder/run/report.html" >"$folder/probe.html"
expected=$(grep -c '^!\[' "$folder/run/report.md")

for size in 1200,900 500,900; do
    "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --user-data-dir="$folder/profile" --window-size=$size \
        --enable-logging=stderr --dump-dom "file://$folder/probe.html" >"$folder/dom" 2>"$folder/log"
    if grep -i 'CONSOLE' "$folder/log"; then
        echo "the browser's console is not empty at $size"
        exit 1
    fi
    found=$(grep -o 'data-found="[^"]*"' "$folder/dom")
    if [ "$found" != "data-found=\"pictures $expected good $expected wide false\"" ]; then
        echo "at $size: $found, but $expected pictures are expected"
        exit 1
    fi
done
echo "$expected pictures in the report, seen at both widths"
