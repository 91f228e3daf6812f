"""Money on its way in: pledges, agreements, receipts."""
