"""The export door and its mirror: bundles, their views, and the verifier that trusts nobody."""
