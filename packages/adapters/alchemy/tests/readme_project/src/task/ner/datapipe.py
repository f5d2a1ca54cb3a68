# ruff: noqa  # left as its users wrote it, but for the imports
import json
from typing import Any, Dict, Iterator

import numpy as np
from torchalloy.adapters.alchemy import sym_tbl
from torchalloy.adapters.alchemy.pipeline import DataPipeline, ItrDataPipeline


@DataPipeline.register()
class JsonLOpener(ItrDataPipeline):
    def __init__(self, datapipe: Any, **kwargs: Any) -> None:
        super().__init__()
        self.datapipe = datapipe

    def __iter__(self) -> Iterator[str]:
        for path in self.datapipe:
            with open(path, encoding="utf-8") as lines:
                yield from lines


@DataPipeline.register()
class ParseJsonDoc(ItrDataPipeline):
    def __init__(self, datapipe: Any, **kwargs: Any) -> None:
        super().__init__(datapipe)

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        return map(json.loads, self.datapipe)


@DataPipeline.register()
class PruneLongText(ItrDataPipeline):
    def __init__(self, datapipe: Any, **kwargs: Any) -> None:
        super().__init__(datapipe)
        self.longest = sym_tbl().model.max_positions()

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        return (doc for doc in self.datapipe if len(doc["tokens"]) <= self.longest)


@DataPipeline.register()
class Sample2Encoding(ItrDataPipeline):
    def __init__(self, datapipe: Any, **kwargs: Any) -> None:
        super().__init__(datapipe)
        self.tags = sym_tbl().task.tags

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        for doc in self.datapipe:
            yield {
                "id": doc["id"],
                "letters": np.array([ord(token[0]) for token in doc["tokens"]]),
                "mask": np.ones(len(doc["tokens"]), dtype=bool),
                "targets": np.array([self.tags.index(tag) for tag in doc["tags"]]),
            }
