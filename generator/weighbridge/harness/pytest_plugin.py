"""The pytest plugin that collects fixtures."""
