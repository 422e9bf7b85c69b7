"""Compilation: caches of compiled programs in memory and on disk, options, and buckets."""
