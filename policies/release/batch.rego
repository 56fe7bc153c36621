package weighbridge.release

# METADATA
# title: Verdicts of a batch
# description: |
#   When a catalogue is compiled, of every version whose documentation an environment demands of workloads; each is judged as if
#   alone. One without a verdict has no entry, which the caller takes for a refusal.
# schemas:
#   - input: schema.batch
# entrypoint: true
verdicts[name] := answer if {
	some name, document in input.items
	answer := verdict with input as document
}
