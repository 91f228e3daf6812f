"""The ways in which the ledger says no; a refusal may also stand beside the rule that it is for."""
