"""The HTTP side: routes, bodies, the wait for readiness. It imports neither numpy nor a framework."""
