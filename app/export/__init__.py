"""What leaves the database for auditors: bundles, and which checkpoint each stands under."""
