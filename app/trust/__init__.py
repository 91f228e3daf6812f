"""What is signed and by whom: the ledger's keys, parties' signatures, stamps, attestations."""
