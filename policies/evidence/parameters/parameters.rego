# METADATA
# scope: package
# title: What every evidence rule needs
# description: A verdict from its problems, and a rule's parameters read so that a typing error can only refuse.
package weighbridge.evidence.parameters

# METADATA
# title: The verdict
# description: Passed only if there is no problem; claims only if passed.
verdict(problems, claims) := {"passed": true, "reasons": [], "claims": claims} if {
	count(problems) == 0
} else := {"passed": false, "reasons": sort(problems), "claims": {}}

# METADATA
# title: Parameters that the rule does not know
# description: A problem for each, since an unread parameter is a bound that somebody believes in.
unknown(known) := problems if {
	is_object(input.with)
	problems := {sprintf("unknown parameter %q in `with`", [name]) |
		some name in (object.keys(input.with) - known)
	}
} else := {"`with` is no mapping"}

# METADATA
# title: A SHA-256 as documents write it
digest(value) if {
	is_string(value)
	regex.match(`^sha256:[0-9a-f]{64}$`, value)
}

# METADATA
# title: A list of distinct texts
texts(value) if {
	is_array(value)
	every entry in value {
		is_string(entry)
		entry != ""
	}
}
