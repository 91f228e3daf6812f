"""The verifier: checks a bundle without trusting it, and without web, database or network."""
