"""The checks of a verification, one file each; `app/audit/verify.py` numbers them."""
