"""Authentication: tokens, issuers, signatures of requests, and what each caller may read."""
