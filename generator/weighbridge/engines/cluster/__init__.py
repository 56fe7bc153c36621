"""A real Kubernetes API server with the real Gatekeeper, and no nodes: what is admitted is only written down."""
