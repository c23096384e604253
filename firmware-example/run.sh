#!/usr/bin/env bash
# Runs a program in QEMU, on the machine that LDNN_BOARD names; the exit code is the program's.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
board=${LDNN_BOARD:-mps2-an386}
machine=$(sed -n 's/.*QEMU machine: *\([^ ,;]*\).*/\1/p' "$here/boards/$board.x")
if [ -z "$machine" ]; then
    echo "$board is no machine of QEMU; flash $1 with a debugger" >&2
    exit 2
fi
if ! command -v qemu-system-arm >/dev/null; then
    echo "qemu-system-arm is missing; on Debian: apt-get install qemu-system-arm" >&2
    exit 2
fi
# One instruction a nanosecond: the system timer counts instructions.
exec timeout "${LDNN_TIMEOUT:-300}" qemu-system-arm -M "$machine" -icount shift=0 -nographic \
    -semihosting-config enable=on,target=native -kernel "$1"
