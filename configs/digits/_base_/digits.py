# The two halves of scikit-learn's digits.
dataloader = {
    "num_workers": 0,
    "train_data_set": {"name": "DigitsSet", "split": "train"},
    "val_data_set": {"name": "DigitsSet", "split": "test"},
}
