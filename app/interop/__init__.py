"""Other people's formats: what they publish, read strictly into what the ledger takes."""
