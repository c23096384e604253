#!/usr/bin/env bash
# BasicMotions: 40 + 40 recordings of a smart watch (acceleration and rotation, 100 instants), four activities.
source "$(dirname "$0")/common.sh"
python_with aeon
"$python" - "$place" <<'PYTHON'
import shutil, sys
from pathlib import Path
import aeon.datasets
folder = Path(aeon.datasets.__file__).parent / "data" / "BasicMotions"
for part in ("TRAIN", "TEST"):
    shutil.copy(folder / f"BasicMotions_{part}.ts", sys.argv[1])
PYTHON
ldnn train "$place/BasicMotions_TRAIN.ts" --test "$place/BasicMotions_TEST.ts" --out "$place/basicmotions.ldnn" "$@"
ldnn eval "$place/basicmotions.ldnn" "$place/BasicMotions_TEST.ts"
