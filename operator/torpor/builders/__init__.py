"""Desired children, as plain objects: values in, objects out."""
