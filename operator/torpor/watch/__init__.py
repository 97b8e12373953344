"""Kopf watches, the cache they fill, and the work queue that they feed."""
