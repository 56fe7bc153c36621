"""Bills of materials: what a packaged version consists of and rests on, in the forms that others read.

Order of steps: read the package folder (`described`), lay it out as CycloneDX (`cyclonedx`, from `components` and
`model_card`), take in other bills of materials (`foreign`, `merge`), and, for SPDX 3, project the whole (`spdx3`). What
leaves is valid by its own schema and the same bytes for the same input.
"""
