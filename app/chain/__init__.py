"""The log's bytes: canonical form, entries, Merkle tree, signed notes, receipts.

An outside auditor reads this package first. It uses the standard library and `cryptography` only
and knows no fund, no database and no web. `docs/wire-format.md` is the contract.
"""
