"""The control plane's face: HTTP for sidecars, agents, dashboards and operators."""
