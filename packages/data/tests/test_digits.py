import gzip
import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from torchalloy.core import ConfigError
from torchalloy.data import digits
from torchalloy.data._digits import stratified_test


def digest(*tensors):
    return hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest()


def test_the_split_is_the_same_for_ever():
    train, test = digits()
    assert digest(*train.tensors) == "8944d00a62a2fea7d2f90c27e5fcfa107243d5790893178972d433928d840189"
    assert digest(*test.tensors) == "0ab61e7a138c327202091708fcdea4d7a0d273bb179cf3175e76cdfbc4c31122"


def test_shapes_types_and_ranges_are_as_documented():
    for part, length in zip(digits(), (1437, 360), strict=True):
        images, labels = part.tensors
        assert images.shape == (length, 64) and images.dtype == torch.float32
        assert images.min() == 0 and images.max() == 1
        assert labels.shape == (length,) and labels.dtype == torch.int64
        assert labels.unique().tolist() == list(range(10))


def test_the_samples_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    ours = np.concatenate([np.column_stack([part.tensors[0] * 16, part.tensors[1]]) for part in digits()])
    theirs = np.column_stack(load_digits(return_X_y=True))
    assert sorted(map(tuple, ours.tolist())) == sorted(map(tuple, theirs.tolist()))


@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=60), data=st.data())
def test_each_class_gets_its_share_to_within_one(labels, data):
    num_test = data.draw(st.integers(0, len(labels)))
    places = stratified_test(labels, num_test)
    assert len(places) == len(set(places)) == num_test
    for label in set(labels):
        share = labels.count(label) * num_test / len(labels)
        assert abs(sum(labels[place] == label for place in places) - share) < 1


def test_a_folder_of_ones_own_is_read_and_its_shape_checked(tmp_path):
    with pytest.raises(ConfigError, match=r"no file .*digits\.csv\.gz"):
        digits(tmp_path)
    with gzip.open(tmp_path / "digits.csv.gz", "wt") as file:
        file.write("1,2,3\n")
    with pytest.raises(ConfigError, match=r"is a table of \(1, 3\)"):
        digits(tmp_path)


def test_without_scikit_learn_the_extra_is_named():
    code = """
import sys
from importlib.machinery import PathFinder
class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if name == "sklearn" else PathFinder.find_spec(name, path, target)
from torchalloy.core import MissingExtra
from torchalloy.data import digits
sys.meta_path[:] = [Hidden]
try:
    digits()
except MissingExtra as error:
    assert "pip install 'torchalloy-data[digits]'" in str(error)
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
