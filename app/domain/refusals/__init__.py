"""Refusals by subject; a refusal that belongs to one rule may be declared beside that rule."""
