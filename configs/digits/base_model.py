# Real digits in TrainFramework's style: alloy train --config configs/digits/base_model.py
_base_ = ["_base_/digits.py", "_base_/adam.py"]

style = "base_model"
imports = ["digits.base_model"]
seed = 0

trainer = {
    "enable_epoch_method": True,  # max_iter counts epochs
    "model": {
        "name": "DigitsModel",
        "generator": {"name": "DigitsNet", "hidden": 64},
        "loss": {"digit": [{"name": "CrossEntropyLoss", "param": {"lambda_weight": 1.0}}]},
    },
}
solver = {"max_iter": 30, "checkpoint_period": 10, "max_keep": 3}
