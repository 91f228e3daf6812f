"""Joint Fund Ledger: the book of a joint fund that none of its partners owns."""
