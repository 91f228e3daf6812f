"""Background workers: deadlines, cosigning, time stamping, scrubbing."""
