"""The API `torpor.dev/v1alpha1` as pydantic models. Importing it needs pydantic alone."""
