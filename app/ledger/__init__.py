"""The ledger's writer: the only way in which a command is recorded, signed and answered."""
