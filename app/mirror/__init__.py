"""The mirror: follows a log from outside, keeps its entries, executes them and compares."""
