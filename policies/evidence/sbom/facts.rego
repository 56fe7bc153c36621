package weighbridge.evidence.sbom

# METADATA
# title: The verdict, with what it is
# description: Whether it passes or not, it is a bill of materials wherever it can be read as one.
described := object.union(verdict, {"facts": facts}) if {
	facts
} else := verdict

# METADATA
# title: How many components it lists
# description: Undefined for what is no bill of materials, or lists nothing that has a name.
facts := {"components": count(components)} if {
	format
	components_named
}
