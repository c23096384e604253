"""The progression of Fig. 1 over several draws of the data, from the run folders of `ldnn reproduce fig1`.

    python3 draws.py PREFIX DRAW...        reads PREFIX-DRAW/claims.json and PREFIX-DRAW/fig1/one-layer/kinds.csv

A draw counts as one: intervals are Student's over draws, so they carry the variation of the data.
"""

import csv
import json
import statistics
import sys

# Two-sided 95 % quantiles of Student's distribution for 1 to 9 degrees of freedom.
STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]


def mean_and_interval(values, digits):
    mean = statistics.fmean(values)
    if not 2 <= len(values) <= len(STUDENT) + 1:
        return f"{mean:+.{digits}f}"
    half = STUDENT[len(values) - 2] * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:+.{digits}f} ± {half:.{digits}f}"


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def main(prefix, draws):
    accuracies, differences = {}, {}

    for draw in draws:
        folder = f"{prefix}-{draw}"
        with open(f"{folder}/fig1/one-layer/kinds.csv", newline="") as file:
            for row in csv.DictReader(file):
                accuracies.setdefault(row["layer"], []).append(float(row["accuracy"]))
        with open(f"{folder}/claims.json") as file:
            for claim in json.load(file):
                # The part at equal training is cut short, and says nothing.
                if not claim["claim"].startswith("At equal training"):
                    found = claim["measures"][0]["comparison"]["difference"]
                    differences.setdefault(claim["claim"], []).append(found)

    drawn = [f"draw {draw}" for draw in draws]
    table(
        ["test accuracy in %"] + drawn + ["mean"],
        [[kind] + [f"{v:.1f}" for v in values] + [f"{statistics.fmean(values):.1f}"] for kind, values in accuracies.items()],
    )
    table(
        ["difference"] + drawn + ["mean ± 95 %"],
        [[claim] + [f"{v:+.2f}" for v in values] + [mean_and_interval(values, 2)] for claim, values in differences.items()],
    )


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
