"""Loading data; thexp spells it so."""
