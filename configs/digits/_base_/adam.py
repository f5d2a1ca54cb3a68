# Adam at a constant rate.
solver = dict(
    train_per_batch=32,
    val_per_batch=360,
    test_per_batch=360,
    generator=dict(
        lr_scheduler=dict(enabled=False),
        optimizer=dict(type="Adam", params=dict(lr=0.004)),
    ),
)
