"""Exports for auditors: bundles, and which checkpoint each has."""
