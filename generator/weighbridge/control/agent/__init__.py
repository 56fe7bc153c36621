"""The agent beside a cluster: brings what was signed to its API, acts on what already runs, and says what it did."""
