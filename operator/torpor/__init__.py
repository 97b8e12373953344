"""Torpor: the serverless model operator for Knative and Kubeflow."""
