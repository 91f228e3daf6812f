"""The witness: a small server that a government or an audit office runs by itself."""
