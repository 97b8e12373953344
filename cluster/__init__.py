"""A real one-node cluster on this machine, made from package registries alone.

Kubernetes, Knative Serving, an ingress, a registry and an S3 store run in a network namespace of their own.
``python -m cluster --help`` lists the commands; ``docs/local-cluster.md`` explains them.
"""
