"""What the demo puts on stage: upstreams that really answer, engines, calls with what they must lead to."""
