"""Views: tables for people, each a pure function of the entries, each row naming its entry.

One file a view. `app/audit/format/versions.py` finds them, and says which format holds which.
"""
