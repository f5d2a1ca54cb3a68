"""The digits trained by hand as in `configs/digits/process.yaml`, with nothing of ours; for `train_wall.py`."""

import gzip
import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

NUM_EPOCHS, BATCH, HIDDEN, LEARNING_RATE, NUM_TEST = 30, 32, 64, 0.004, 360


def main() -> None:
    """Train, score after each epoch, and say how it ended."""
    torch.manual_seed(0)
    images, labels, test_images, test_labels = scans()
    model = nn.Sequential(nn.Linear(64, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    accuracy = 0.0
    for _ in range(NUM_EPOCHS):
        model.train()
        for places in torch.randperm(len(labels)).split(BATCH):
            optimizer.zero_grad()
            loss = criterion(model(images[places]), labels[places])
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            accuracy = (model(test_images).argmax(1) == test_labels).float().mean().item()
    print(f"test accuracy {accuracy:.4f}")


def scans() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Read scikit-learn's file without importing it, and split it as `torchalloy.data.digits` does."""
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise SystemExit("the digits come with scikit-learn: pip install scikit-learn")
    with gzip.open(Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz", "rt") as lines:
        table = np.loadtxt(lines, delimiter=",")
    images = torch.from_numpy(table[:, :64].astype(np.float32) / 16)
    labels = torch.from_numpy(table[:, 64].astype(np.int64))
    in_test = torch.zeros(len(labels), dtype=torch.bool)
    in_test[test_places(labels.tolist())] = True
    return images[~in_test], labels[~in_test], images[in_test], labels[in_test]


def test_places(labels: list[int]) -> list[int]:
    """Return the places of the test scans: each class has its share, lowest SHA-256 of the place first."""
    classes = {label: [place for place, found in enumerate(labels) if found == label] for label in sorted(set(labels))}
    shares = {label: len(places) * NUM_TEST / len(labels) for label, places in classes.items()}
    counts = {label: int(share) for label, share in shares.items()}
    by_remainder = sorted(shares, key=lambda label: (counts[label] - shares[label], label))
    for label in by_remainder[: NUM_TEST - sum(counts.values())]:
        counts[label] += 1
    digest = lambda place: hashlib.sha256(str(place).encode()).digest()
    return [place for label, places in classes.items() for place in sorted(places, key=digest)[: counts[label]]]


if __name__ == "__main__":
    main()
