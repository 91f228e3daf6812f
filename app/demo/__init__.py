"""The ERA loans as a demonstration: a simulation with public figures, not an official record."""
