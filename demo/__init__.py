"""The demo: a real model from one YAML, asleep, waking, answering, asleep again."""
