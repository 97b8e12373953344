"""The only writers of conditions: values in, a status out."""
