"""A witness: a small server of its own that a government or an audit office runs."""
