"""How any export becomes a canonical table, with an account of every row."""
