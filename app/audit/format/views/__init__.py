"""Views: tables for people, each a pure function of the entries, each row naming its entry.

Each view has its own file. `app/audit/format/versions.py` finds them, and knows which format holds
which.
"""
