"""The trustee's own operations: conversions, revaluations, journal entries, corrections."""
