"""scikit-learn: makes data, scales it, and fits and uses two models."""

import warnings

from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from waiting import run

# It need not converge.
warnings.simplefilter("ignore")


def make(rows):
    return make_classification(
        n_samples=rows, n_features=20, n_informative=10, random_state=7)


def prepare(data):
    wide = PolynomialFeatures(degree=2).fit_transform(data)
    return StandardScaler().fit_transform(wide)


def forest(data, labels):
    model = RandomForestClassifier(n_estimators=12, random_state=7)
    model.fit(data, labels)
    return model


def linear(data, labels):
    model = LogisticRegression(max_iter=20)
    model.fit(data, labels)
    return model.predict_proba(data)


def work(scale):
    data, labels = make(int(20000 * scale))
    wide = prepare(data)
    trees = forest(data, labels)
    likely = linear(wide, labels)
    return len(likely) + len(trees.estimators_)


run(work)
