"""Bytes: canonical form, entries, Merkle tree, signed notes, receipts.

What an outside auditor reads first. Standard library and `cryptography` only; knows no fund,
no database and no web. The contract that it implements is described in `docs/auditors.md`.
"""
