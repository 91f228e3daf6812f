"""What every process stands on: settings, clock, faults, metrics, asking strangers, serving."""
