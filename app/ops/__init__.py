"""What operators run by hand: rebuilding read tables, recovering a log."""
