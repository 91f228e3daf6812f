"""The command `fundledger`."""
