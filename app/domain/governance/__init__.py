"""Who is who: funds, members, keys, seats, votes under way, what the log says of itself."""
