# Adam at a constant rate.
solver = {
    "train_per_batch": 32,
    "val_per_batch": 360,
    "test_per_batch": 360,
    "generator": {
        "lr_scheduler": {"enabled": False},
        "optimizer": {"type": "Adam", "params": {"lr": 0.004}},
    },
}
