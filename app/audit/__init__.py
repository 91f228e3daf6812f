"""The verifier that trusts nobody. Offline: no web, no database, no network."""
