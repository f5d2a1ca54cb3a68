# The two halves of scikit-learn's digits.
dataloader = dict(
    num_workers=0,
    train_data_set=dict(name="DigitsSet", split="train"),
    val_data_set=dict(name="DigitsSet", split="test"),
)
