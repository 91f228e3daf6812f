"""What the trustee does beside payments: conversions, corrections, journals, revaluations."""
