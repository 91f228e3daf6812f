"""What goes on beside requests: deadlines, cosigning, time stamping, scrubbing."""
