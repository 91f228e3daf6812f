"""Who may do what: charter, members, funds."""
