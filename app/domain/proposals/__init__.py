"""What governments decide together: proposals, votes, and what follows from them."""
