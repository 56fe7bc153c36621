"""Files that make a machine run what their author wrote: found by name and first bytes, read and never run."""
