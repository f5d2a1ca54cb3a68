# ruff: noqa  # left as its users wrote it, but for the imports
from torch import nn


class Tagger(nn.Module):
    def __init__(self, num_tags: int, width: int) -> None:
        super().__init__()
        self.letters = nn.Embedding(128, width)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(width, num_tags)

    def forward(self, letters):
        return self.head(self.drop(self.letters(letters)))
