"""What the command `fundledger` ends with."""

OK, WRONG, CANNOT_TELL = 0, 1, 2
