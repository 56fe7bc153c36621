"""What scanners and evaluators write, turned into predicates that the evidence rules judge."""

SCANNERS = ("auto", "trivy", "grype", "osv-scanner", "pip-audit", "sarif", "openvex", "lm-eval", "mlflow", "slsa")
"""What `--scanner` takes: the names in `formats.FORMATS`, here without what reading them costs to import."""
