# METADATA
# scope: package
# title: What every evidence rule needs
# description: A verdict from its problems, and a rule's parameters read so that a typing error can only refuse.
# schemas:
#   - input: schema.parameters
package weighbridge.evidence.parameters

# METADATA
# title: A verdict that a statement passed
passed(claims) := {"passed": true, "reasons": [], "claims": claims}

# METADATA
# title: A verdict that a statement did not pass
# description: The problems explain it, and nothing rests on their being complete.
failed(problems) := {"passed": false, "reasons": sort(problems), "claims": {}} if {
	count(problems) > 0
} else := {"passed": false, "reasons": ["it is not provable that it passes"], "claims": {}}

# METADATA
# title: Parameters that the rule does not know
# description: A problem for each, since an unread parameter is a bound that somebody believes in.
unknown(known) := {sprintf("unknown parameter %q in `with`", [name]) |
	some name in (object.keys(input.with) - known)
}

# METADATA
# title: A SHA-256 as documents write it
digest(value) if regex.match(`^sha256:[0-9a-f]{64}$`, value)

# METADATA
# title: A list of distinct texts
texts(value) if {
	is_array(value)
	every entry in value {
		is_string(entry)
		entry != ""
	}
}
