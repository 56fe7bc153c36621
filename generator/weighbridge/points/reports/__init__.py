"""The report of `weighbridge check` in the forms that people and CI systems read, one a module."""
