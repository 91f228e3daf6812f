"""Joint Fund Ledger: the ledger of a joint fund of governments, none of which controls it alone."""
