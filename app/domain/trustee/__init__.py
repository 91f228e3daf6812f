"""What the trustee does besides payments: conversions, corrections, journals, revaluations."""
