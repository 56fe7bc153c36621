"""What the control plane serves, published elsewhere too: a folder, an object store or an OCI registry."""
