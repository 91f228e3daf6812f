"""The ledger's writer: the only way in which anything is recorded, signed and answered."""
