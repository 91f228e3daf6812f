"""The second store: the newest checkpoint that was signed, kept outside the database.

An old backup of the database does not know that later checkpoints were signed; this store does. It
is changed only if it still holds what was read: several processes agree on one order. On one host
it is a folder; for several hosts it is a table in another PostgreSQL, or an object store.
"""
