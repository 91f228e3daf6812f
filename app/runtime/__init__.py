"""What every process uses: settings, clock, faults, metrics, requests to others, serving."""
