"""What builds, drives and demonstrates the project; none of it is in the wheel."""
