"""Keys and signatures: the ledger's keys, parties' signatures, stamps, attestations."""
