"""Who is asking: tokens, issuers, signatures of requests, and what each may see."""
