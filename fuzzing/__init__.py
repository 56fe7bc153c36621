"""Coverage-guided fuzzing of whatever reads bytes that others wrote (`make fuzz`)."""
