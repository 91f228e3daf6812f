"""HTTP: who is asking, what they ask for, and what the answer looks like. Decides nothing."""
