# METADATA
# scope: package
# title: Modes of enforcement
# description: |
#   How a requirement is enforced at a moment. Compiling writes, by code, every step with the moment from which it holds, the one
#   that holds before the first date included; so nothing has to be concluded here. What cannot be read is enforced.
package lib.weighbridge.enforcement

# METADATA
# title: The mode of a requirement
# description: The step that began last; `enforce` where nobody said anything, or nothing that can be read.
default mode(_, _, _) := "enforce"

mode(modes, code, now_ns) := current if {
	steps := modes[code]
	is_array(steps)
	every step in steps {
		is_number(step.from)
		step.mode in {"enforce", "warn", "dry-run"}
	}
	[_, current] := max([[step.from, step.mode] | some step in steps; step.from <= now_ns])
}
