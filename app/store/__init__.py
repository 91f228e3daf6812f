"""The database: the only room that imports sqlmodel."""
