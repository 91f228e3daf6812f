"""One file a subject: its addresses, in the words of the domain."""
