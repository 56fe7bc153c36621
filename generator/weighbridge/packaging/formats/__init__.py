"""What the headers of weights say, read piece by piece, with nothing loaded and nothing run."""
