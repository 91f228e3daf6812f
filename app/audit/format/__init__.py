"""The format of bundles: names, limits, manifest, archive and views, by version."""
