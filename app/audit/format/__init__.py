"""What a bundle is made of: names, limits, manifest, archive, views, by version."""
