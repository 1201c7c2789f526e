"""The resources as programs see them; a face adds how they are registered. Loads Pulumi and nothing else."""
