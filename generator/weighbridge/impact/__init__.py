"""What a catalogue's rules would do to what runs now."""
