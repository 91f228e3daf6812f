"""A mirror: follows a log from outside, keeps all of it, executes it, and compares."""
