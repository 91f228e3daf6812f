"""Routes: one file for each subject, with its addresses and their documentation."""
