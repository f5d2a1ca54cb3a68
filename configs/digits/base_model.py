# Real digits in TrainFramework's style: alloy train --config configs/digits/base_model.py
_base_ = ["_base_/digits.py", "_base_/adam.py"]

style = "base_model"
imports = ["digits.base_model"]
seed = 0

trainer = dict(
    enable_epoch_method=True,  # max_iter counts epochs
    model=dict(
        name="DigitsModel",
        generator=dict(name="DigitsNet", hidden=64),
        loss=dict(digit=[dict(name="CrossEntropyLoss", param=dict(lambda_weight=1.0))]),
    ),
)
solver = dict(max_iter=30, checkpoint_period=10, max_keep=3)
