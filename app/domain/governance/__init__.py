"""Governance: funds, members, keys, seats, votes under way, and the log's own keys and
attestations.
"""
