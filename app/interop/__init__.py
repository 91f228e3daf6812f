"""Formats of others: files that they publish, read strictly into what the ledger takes."""
