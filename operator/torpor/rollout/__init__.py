"""Which revision serves: values in, values out."""
