"""The model server of every Torpor pod: one model, the Open Inference Protocol, a short cold start.

It knows nothing of the operator, of Kubernetes or of Knative.
"""

__version__ = "0.1.0"
