"""What every layer stands on: configuration, references, durations, time, redaction; it knows no other package."""
