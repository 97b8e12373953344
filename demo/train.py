"""Trains a classifier on scikit-learn's breast-cancer data and exports it as ONNX, in the runtime's environment.

`python demo/train.py DIRECTORY` writes model.onnx and holdout.json: {"rows": 20 rows of 30 floats, "labels":
scikit-learn's own predictions}.
"""

import json
import sys
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def train(directory: Path) -> None:
    """Train on all rows but 20, and keep those with the predictions of scikit-learn itself."""
    features, labels = load_breast_cancer(return_X_y=True)
    features = features.astype(np.float32)
    train_rows, held_out, train_labels, _ = train_test_split(
        features, labels, test_size=20, random_state=0, stratify=labels
    )
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    classifier.fit(train_rows, train_labels)
    exported = to_onnx(classifier, train_rows[:1], options={"zipmap": False})
    (directory / "model.onnx").write_bytes(exported.SerializeToString())
    holdout = {"rows": held_out.tolist(), "labels": classifier.predict(held_out).tolist()}
    (directory / "holdout.json").write_text(json.dumps(holdout))


if __name__ == "__main__":
    train(Path(sys.argv[1]))
