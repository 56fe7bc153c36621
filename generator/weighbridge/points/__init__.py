"""Step 5: what each enforcement point needs beside its bundle."""
