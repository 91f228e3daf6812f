"""What the partners agreed on, as data: charter, approval steps, decision rules, calendars."""
