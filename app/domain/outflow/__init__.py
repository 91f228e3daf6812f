"""Money on its way out: requests, approvals, payments."""
