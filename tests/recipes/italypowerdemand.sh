#!/usr/bin/env bash
# ItalyPowerDemand: a day of electricity, 24 hours; October to March, or April to September? 67 days to learn from, 1029 to test.
source "$(dirname "$0")/common.sh"
python_with aeon
"$python" - "$place" <<'PYTHON'
import shutil, sys
from pathlib import Path
import aeon.datasets
folder = Path(aeon.datasets.__file__).parent / "data" / "ItalyPowerDemand"
for part in ("TRAIN", "TEST"):
    shutil.copy(folder / f"ItalyPowerDemand_{part}.ts", sys.argv[1])
PYTHON
ldnn train "$place/ItalyPowerDemand_TRAIN.ts" --test "$place/ItalyPowerDemand_TEST.ts" --out "$place/italypowerdemand.ldnn" "$@"
ldnn eval "$place/italypowerdemand.ldnn" "$place/ItalyPowerDemand_TEST.ts"
